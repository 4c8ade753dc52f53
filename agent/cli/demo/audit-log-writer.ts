import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { createAuditEventSource, type AuditEventSource } from './audit-event-source.ts';

/** How often events are written; the API server writes them as they come. */
const TICK_MS = 50;
const LIVE_NAME = 'audit.log';
const BACKUP_NAME = /^audit-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log$/;

export interface AuditLogWriterOptions {
  /** An existing directory. */
  readonly directory: string;
  readonly seed: number;
  readonly eventsPerSecond: number;
  /** A file that would grow past this is rotated (`--audit-log-maxsize`). */
  readonly maxFileBytes: number;
  /** Older backups are deleted (`--audit-log-maxbackup`). */
  readonly maxBackups: number;
  readonly clock: Clock;
}

/** What has been written so far. */
export interface Written {
  readonly events: number;
  readonly bytes: number;
  readonly rotations: number;
}

/**
 * Writes an audit log the way kube-apiserver does: one write per event, mode 0600; at its largest size the file is renamed to a
 * backup with the UTC time in its name and a new one is created.
 */
export class AuditLogWriter {
  /** The live file. */
  readonly path: string;
  readonly #options: AuditLogWriterOptions;
  readonly #source: AuditEventSource;
  #file: FileHandle | undefined;
  #fileBytes = 0;
  #events = 0;
  #bytes = 0;
  #rotations = 0;
  #lastBackupMs = 0;

  constructor(options: AuditLogWriterOptions) {
    this.#options = options;
    this.path = join(options.directory, LIVE_NAME);
    this.#source = createAuditEventSource({ seed: options.seed });
  }

  get written(): Written {
    return { events: this.#events, bytes: this.#bytes, rotations: this.#rotations };
  }

  /** Writes at the given rate until the signal aborts. What is counted as written then stands in the file whole. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, eventsPerSecond } = this.#options;
    const startMs = clock.monotonicMs();
    const before = this.#events;
    while (!signal.aborted) {
      const elapsedSeconds = (clock.monotonicMs() - startMs) / 1000;
      const due = before + Math.floor(elapsedSeconds * eventsPerSecond);
      while (this.#events < due && !signal.aborted) await this.writeEvent();
      await clock.delay(TICK_MS, signal);
    }
  }

  /** Writes one event. */
  async writeEvent(): Promise<void> {
    const line = Buffer.from(`${this.#source.next(this.#options.clock.nowMs())}\n`);
    if (this.#file !== undefined && this.#fileBytes + line.length > this.#options.maxFileBytes)
      await this.#rotate();
    this.#file ??= await this.#openLive();
    await this.#file.appendFile(line);
    this.#fileBytes += line.length;
    this.#bytes += line.length;
    this.#events += 1;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #openLive(): Promise<FileHandle> {
    const file = await open(this.path, 'a', 0o600);
    this.#fileBytes = (await file.stat()).size;
    return file;
  }

  async #rotate(): Promise<void> {
    await this.close();
    // Two rotations in one millisecond would overwrite a backup.
    this.#lastBackupMs = Math.max(this.#options.clock.nowMs(), this.#lastBackupMs + 1);
    await rename(this.path, join(this.#options.directory, backupName(this.#lastBackupMs)));
    this.#rotations += 1;
    await this.#deleteOldBackups();
  }

  async #deleteOldBackups(): Promise<void> {
    const { directory, maxBackups } = this.#options;
    const backups = (await readdir(directory)).filter((name) => BACKUP_NAME.test(name)).sort();
    for (const name of backups.slice(0, Math.max(0, backups.length - maxBackups)))
      await rm(join(directory, name), { force: true });
  }
}

function backupName(timeMs: number): string {
  return `audit-${new Date(timeMs).toISOString().slice(0, -1).replaceAll(':', '-')}.log`;
}
