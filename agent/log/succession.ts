import type { Clock } from '../clock.ts';
import { LogError } from '../errors.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';
import type { Backlog } from './backlog.ts';
import type { LogEntry } from './directory.ts';
import { type CursorOptions, FileCursor } from './file-cursor.ts';
import type { GrowthWatch } from './growth-watch.ts';
import type { LogFile, LogGap, LogPosition } from './log.ts';
import type { LogHealth } from './log-health.ts';
import { olderThan } from './start.ts';

/** A position whose file is not found waits so long for the live file before it is taken for deleted. */
const START_PATIENCE_MS = 5_000;

export interface SuccessionOptions {
  readonly path: string;
  readonly start: LogPosition | undefined;
  readonly labels: ShipperLabels;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly cursor: CursorOptions;
  readonly backlog: Backlog;
  readonly growth: GrowthWatch;
  readonly health: LogHealth;
  readonly onGap: (gap: LogGap) => void;
}

export type Succeeding =
  | { status: 'opened'; cursor: FileCursor }
  /** A gap was told, or a place to begin was found: ask again. */
  | { status: 'again' }
  /** There is no file to read now. */
  | { status: 'none' };

const AGAIN: Succeeding = { status: 'again' };
const NONE: Succeeding = { status: 'none' };

/** What was being read when its file was lost from under the cursor. */
interface LostPlace {
  readonly file: LogFile;
  readonly offset: number;
  readonly unreadBytes: number | undefined;
}

/** Decides which file is read next, from the place to begin on, and opens it. */
export class Succession {
  readonly #options: SuccessionOptions;
  #begun = false;
  #firstLookMs: number | undefined;
  #lost: LostPlace | undefined;

  constructor(options: SuccessionOptions) {
    this.#options = options;
  }

  /** Whether the place to begin has been found. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The next file is the one with the same content, wherever that is now. */
  resumeElsewhere(place: LostPlace): void {
    this.#lost = place;
  }

  /** Opens the file that comes next. Rejects with the file system's error. */
  async next(signal: AbortSignal): Promise<Succeeding> {
    if (!(await this.#options.backlog.look(signal))) return NONE;
    if (this.#lost !== undefined) return this.#openElsewhere(this.#lost, signal);
    if (!this.#begun) return this.#begin(signal);
    const { backlog, health } = this.#options;
    const next = backlog.next();
    switch (next.status) {
      case 'file':
        return this.#open(next.entry, next.fingerprint, 0, signal);
      case 'lost':
        this.#giveUp(next.entry);
        return AGAIN;
      case 'blocked':
        if (next.error !== undefined) health.fail(next.error);
        return NONE;
      case 'none':
        if (backlog.live === undefined) this.#failMissing();
        else health.succeed();
        return NONE;
    }
  }

  async #openElsewhere(place: LostPlace, signal: AbortSignal): Promise<Succeeding> {
    const { file, offset, unreadBytes } = place;
    const { backlog, onGap } = this.#options;
    const entry = backlog.find(file.fingerprint);
    if (entry !== undefined) return this.#open(entry, file.fingerprint, offset, signal);
    if (backlog.blind) return NONE;
    this.#lost = undefined;
    onGap({ reason: 'truncated', file, offset, unreadBytes });
    return AGAIN;
  }

  /** Leaves an archive behind that nothing can be read of. */
  #giveUp(entry: LogEntry): void {
    const { path, inode } = entry;
    const { backlog, onGap } = this.#options;
    backlog.giveUp(entry);
    const file = { fingerprint: '', path, inode: Number(inode) };
    onGap({ reason: 'damaged-archive', file, offset: 0, unreadBytes: undefined });
  }

  #failMissing(): void {
    this.#options.health.fail(new LogError('LOG_MISSING', this.#options.path));
  }

  async #open(
    entry: LogEntry,
    fingerprint: string,
    offset: number,
    signal: AbortSignal,
  ): Promise<Succeeding> {
    const { path, name } = entry;
    const cursor = await FileCursor.open({ entry, fingerprint, offset }, this.#options.cursor, signal);
    if (cursor === undefined) return NONE;
    cursor.wasLive = name.live;
    cursor.closedByWriter = name.rotatedAtMs !== undefined;
    this.#lost = undefined;
    const { backlog, telemetry, labels } = this.#options;
    backlog.take(fingerprint);
    telemetry.emit({ kind: 'file-opened', path, fingerprint, offset, ...labels });
    return { status: 'opened', cursor };
  }

  async #begin(signal: AbortSignal): Promise<Succeeding> {
    const { start } = this.#options;
    if (start !== undefined) return this.#beginAt(start, signal);
    this.#begun = true;
    return AGAIN;
  }

  async #beginAt(start: LogPosition, signal: AbortSignal): Promise<Succeeding> {
    const { fingerprint } = start.file;
    const { backlog, growth } = this.#options;
    const { files } = backlog;
    const entry = backlog.find(fingerprint);
    if (entry === undefined) {
      if (this.#mayStillCome()) return NONE;
      this.#tellStartGone(start);
      this.#begun = true;
      return AGAIN;
    }
    const opened = await this.#open(entry, fingerprint, start.offset, signal);
    if (opened.status !== 'opened') return opened;
    const earlier = files.slice(0, files.indexOf(entry));
    backlog.takeAll(earlier);
    growth.addEarlier(earlier);
    this.#begun = true;
    return opened;
  }

  /** The file of the position may be one that cannot be read yet, or the directory may not be mounted yet. */
  #mayStillCome(): boolean {
    const { backlog, clock, health } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#firstLookMs ??= nowMs;
    if (backlog.blind) {
      if (backlog.obstacle !== undefined) health.fail(backlog.obstacle);
      return true;
    }
    if (backlog.live !== undefined) return false;
    this.#failMissing();
    return backlog.files.length === 0 || nowMs - this.#firstLookMs < START_PATIENCE_MS;
  }

  #tellStartGone(start: LogPosition): void {
    const { backlog, onGap, path } = this.#options;
    const { file, offset } = start;
    backlog.take(file.fingerprint);
    onGap({ reason: 'file-deleted', file, offset, unreadBytes: undefined });
    backlog.takeAll(olderThan(backlog.files, start, path));
  }
}
