import type { Clock } from '../clock.ts';
import type { LogEntry } from './directory.ts';
import type { FileCursor } from './file-cursor.ts';

const CHECK_INTERVAL_MS = 1_000;
/** A last line without a line feed is taken as it is when the file has not grown for so long. */
const QUIET_MS = 5_000;
/** So many of the files finished last stay open: growth of these is seen at once and under any name. */
const OPEN_FILES = 2;
/** Finished files beyond so many are not watched any more. */
const WATCHED_FILES = 1_024;

interface FinishedFile {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly finishedAtMs: number;
}

/** A finished file that has more to read: the cursor that it was read with, or where to open it. */
export type GrownFile =
  | { status: 'open'; cursor: FileCursor }
  | { status: 'closed'; entry: LogEntry; fingerprint: string; offset: number };

/** Watches the size of finished files: somebody may go on writing to a file after it was renamed. */
export class GrowthWatch {
  readonly #clock: Clock;
  readonly #open: FileCursor[] = [];
  readonly #closed = new Map<string, FinishedFile>();
  #checkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes over a cursor that is at its file's end. Archives and what is in no directory any more are closed. */
  async add(cursor: FileCursor): Promise<void> {
    if (cursor.open.compressed) return cursor.close();
    this.#open.push(cursor);
    if (this.#open.length <= OPEN_FILES) return;
    const oldest = this.#open.shift();
    if (oldest === undefined) return;
    this.#watch(oldest.file.fingerprint, oldest.offset, oldest.sizeBytes);
    await oldest.close();
  }

  /** Watches files that were read before the agent was started, from their size of now on. */
  addEarlier(entries: readonly LogEntry[]): void {
    for (const { identity, name, sizeBytes } of entries)
      if (identity.status === 'line' && !name.compressed)
        this.#watch(identity.fingerprint, sizeBytes, sizeBytes);
  }

  /** A finished file with more to read; looks at most once a second. */
  async due(files: readonly LogEntry[]): Promise<GrownFile | undefined> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#checkedAtMs < CHECK_INTERVAL_MS) return undefined;
    this.#checkedAtMs = nowMs;
    for (const cursor of this.#open.slice()) {
      const stats = await cursor.open.stat();
      const grown = Number(stats.size) > cursor.sizeBytes;
      const restDue = cursor.sizeBytes > cursor.offset && nowMs - (cursor.quietSinceMs ?? nowMs) >= QUIET_MS;
      if (grown || restDue) {
        this.#remove(cursor);
        return { status: 'open', cursor };
      }
      if (stats.nlink === 0n && cursor.sizeBytes === cursor.offset) {
        this.#remove(cursor);
        await cursor.close();
      }
    }
    return this.#dueOfClosed(files, nowMs);
  }

  /** The file is being read: it is watched again when it is added again. */
  remove(fingerprint: string): void {
    this.#closed.delete(fingerprint);
  }

  async close(): Promise<void> {
    for (const cursor of this.#open.splice(0)) await cursor.close();
  }

  #dueOfClosed(files: readonly LogEntry[], nowMs: number): GrownFile | undefined {
    for (const entry of files) {
      if (entry.identity.status !== 'line' || entry.name.compressed) continue;
      const { fingerprint } = entry.identity;
      const known = this.#closed.get(fingerprint);
      if (known === undefined || entry.sizeBytes <= known.offset) continue;
      if (entry.sizeBytes === known.sizeBytes && nowMs - known.finishedAtMs < QUIET_MS) continue;
      return { status: 'closed', entry, fingerprint, offset: known.offset };
    }
    return undefined;
  }

  #watch(fingerprint: string, offset: number, sizeBytes: number): void {
    this.#closed.set(fingerprint, { offset, sizeBytes, finishedAtMs: this.#clock.monotonicMs() });
    if (this.#closed.size > WATCHED_FILES) this.#forgetOldest();
  }

  #remove(cursor: FileCursor): void {
    this.#open.splice(this.#open.indexOf(cursor), 1);
  }

  #forgetOldest(): void {
    const [oldest] = this.#closed.keys();
    if (oldest !== undefined) this.#closed.delete(oldest);
  }
}
