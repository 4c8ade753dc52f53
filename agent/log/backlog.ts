import type { Clock } from '../clock.ts';
import type { LogError } from '../errors.ts';
import { type LogEntry, LogDirectory, inodeKey } from './directory.ts';
import type { LogGap } from './log.ts';

const GLANCE_INTERVAL_MS = 1_000;
/** Growth of older files does not show in their directory, so it is read again from time to time without a sign. */
const TRUST_MS = 5_000;
/** With thousands of files a look takes long; looks that nothing calls for take at most this part of the time. */
const LOOK_SHARE = 1 / 100;
/** An archive that does not decompress is given up when it has not changed for so long. */
const ARCHIVE_PATIENCE_MS = 5_000;
/** Fingerprints of files that are gone are forgotten beyond so many. */
const REMEMBERED_FILES = 4_096;

export type NextFile =
  | { status: 'file'; entry: LogEntry; fingerprint: string }
  /** An archive of which nothing can be read, and which does not change any more. */
  | { status: 'lost'; entry: LogEntry }
  /** A file that comes next and cannot be read now. */
  | { status: 'blocked'; error: LogError | undefined }
  | { status: 'none' };

/**
 * Which files of the log there are, and which of them the cursor has taken up. A file is known by its fingerprint, so that renaming and
 * compressing changes nothing; what was seen waiting and is gone before its turn is a gap.
 */
export class Backlog {
  readonly #directory: LogDirectory;
  readonly #clock: Clock;
  #files: readonly LogEntry[] = [];
  #live: LogEntry | undefined;
  /** Fingerprints of the files that were taken up. */
  readonly #taken = new Set<string>();
  /** Inodes of files without a fingerprint that were left behind. */
  readonly #givenUp = new Set<string>();
  #waiting = new Map<string, LogEntry>();
  /** Archives that do not decompress: their size, and since when it is the same. */
  readonly #broken = new Map<string, { sizeBytes: number; sinceMs: number }>();
  #gaps: LogGap[] = [];
  readonly #toldLookAlikes = new Set<bigint>();
  #looks = 0;
  #lookCostMs = 0;
  #stamp = '';
  #confirmed = false;
  #listedAtMs = Number.NEGATIVE_INFINITY;
  #glancedAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, clock: Clock) {
    this.#directory = new LogDirectory(path);
    this.#clock = clock;
  }

  /** As of the last look, the oldest first. */
  get files(): readonly LogEntry[] {
    return this.#files;
  }

  get live(): LogEntry | undefined {
    return this.#live;
  }

  /** How often the directory was listed; tells whether there is something new to know. */
  get looks(): number {
    return this.#looks;
  }

  /** Whether the last look is older than this, or than what a look costs allows. */
  isOlderThan(ms: number): boolean {
    const ageMs = this.#clock.monotonicMs() - this.#listedAtMs;
    return ageMs >= Math.max(ms, this.#lookCostMs / LOOK_SHARE);
  }

  /** Lists the directory. False where it changes too fast to say anything; rejects with the file system's error. */
  async look(signal: AbortSignal): Promise<boolean> {
    const begunAtMs = this.#clock.monotonicMs();
    const listing = await this.#directory.list(signal);
    if (signal.aborted || listing.status === 'unsettled') {
      this.#confirmed = false;
      return false;
    }
    this.#files = listing.files;
    this.#live = listing.live;
    this.#listedAtMs = this.#clock.monotonicMs();
    this.#lookCostMs = this.#listedAtMs - begunAtMs;
    this.#looks += 1;
    this.#noteWaiting();
    this.#noteBroken();
    this.#noteLookAlikes(listing.lookAlikes);
    this.#forget();
    return true;
  }

  /** Told once each: such a file is never read. */
  #noteLookAlikes(lookAlikes: readonly LogEntry[]): void {
    for (const { path, inode, sizeBytes, identity } of lookAlikes) {
      if (identity.status !== 'line' || this.#toldLookAlikes.has(inode)) continue;
      this.#toldLookAlikes.add(inode);
      const file = { fingerprint: identity.fingerprint, path, inode: Number(inode) };
      this.#gaps.push({ reason: 'look-alike', file, offset: 0, unreadBytes: sizeBytes });
    }
  }

  /** Lists the directory where something in it has changed, at most once a second. */
  async glance(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#glancedAtMs < GLANCE_INTERVAL_MS) return;
    this.#glancedAtMs = nowMs;
    const stamp = await this.#directory.stamp();
    const changed = stamp !== this.#stamp;
    // Two changes within one tick of the file system's clock leave the same stamp, hence the second look.
    const due = changed || !this.#confirmed || this.isOlderThan(TRUST_MS) || this.blind;
    this.#stamp = stamp;
    this.#confirmed = !changed;
    if (due) await this.look(signal);
  }

  find(fingerprint: string): LogEntry | undefined {
    return this.#files.find(
      ({ identity }) => identity.status === 'line' && identity.fingerprint === fingerprint,
    );
  }

  findInode(file: { device: bigint; inode: bigint }): LogEntry | undefined {
    return this.#files.find(({ device, inode }) => device === file.device && inode === file.inode);
  }

  /** True while some file cannot be identified, so that it cannot be said what is gone. */
  get blind(): boolean {
    return this.#files.some(
      (entry) =>
        entry.identity.status === 'unreadable' ||
        (entry.identity.status === 'damaged' && !this.#isGivenUp(entry)),
    );
  }

  /** Why a file cannot be read. */
  get obstacle(): LogError | undefined {
    for (const { identity } of this.#files) if (identity.status === 'unreadable') return identity.error;
    return undefined;
  }

  take(fingerprint: string): void {
    this.#taken.add(fingerprint);
    this.#waiting.delete(fingerprint);
  }

  /** Counts files as read. */
  takeAll(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (entry.identity.status === 'line') this.take(entry.identity.fingerprint);
      else this.giveUp(entry);
    }
  }

  /** The oldest file that was not taken up. */
  next(): NextFile {
    for (const entry of this.#files) {
      const { identity } = entry;
      if (identity.status === 'empty' || this.#isTaken(entry)) continue;
      if (identity.status === 'unreadable') return { status: 'blocked', error: identity.error };
      if (identity.status === 'damaged')
        return this.#isGivenUp(entry) ? { status: 'lost', entry } : { status: 'blocked', error: undefined };
      // The live file is taken up when its first line is complete: it has no name before.
      if (identity.complete || !entry.name.live)
        return { status: 'file', entry, fingerprint: identity.fingerprint };
    }
    return { status: 'none' };
  }

  /** Leaves an archive that cannot be read behind. */
  giveUp(entry: LogEntry): void {
    this.#givenUp.add(brokenKey(entry));
  }

  /** Whether a file that was not taken up holds a whole line. */
  hasLater(): boolean {
    return this.#files.some(
      (entry) => entry.identity.status === 'line' && entry.identity.complete && !this.#isTaken(entry),
    );
  }

  /** Bytes and files that wait for their turn. */
  waiting(): { bytes: number; files: number } {
    const files = this.#files.filter((entry) => entry.sizeBytes > 0 && !this.#isTaken(entry));
    return { bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), files: files.length };
  }

  /** Files that are gone before their turn, told once. */
  takeGaps(): LogGap[] {
    const gaps = this.#gaps;
    this.#gaps = [];
    return gaps;
  }

  #isTaken(entry: LogEntry): boolean {
    const { identity } = entry;
    return identity.status === 'line'
      ? this.#taken.has(identity.fingerprint)
      : this.#givenUp.has(brokenKey(entry));
  }

  #isGivenUp(entry: LogEntry): boolean {
    if (this.#clock.nowMs() - entry.modifiedAtMs >= ARCHIVE_PATIENCE_MS) return true;
    const since = this.#broken.get(brokenKey(entry))?.sinceMs ?? Number.POSITIVE_INFINITY;
    return this.#clock.monotonicMs() - since >= ARCHIVE_PATIENCE_MS;
  }

  #noteWaiting(): void {
    const waiting = new Map<string, LogEntry>();
    for (const entry of this.#files) {
      const { identity, name } = entry;
      // A first line that is not complete will be another one when it is, unless nobody writes to the file any more.
      const named = identity.status === 'line' && (identity.complete || name.rotatedAtMs !== undefined);
      if (named && !this.#isTaken(entry)) waiting.set(identity.fingerprint, entry);
    }
    for (const [fingerprint, entry] of this.#waiting) {
      if (waiting.has(fingerprint)) continue;
      if (this.blind) waiting.set(fingerprint, entry);
      else this.#noteGone(fingerprint, entry);
    }
    this.#waiting = waiting;
  }

  #noteGone(fingerprint: string, entry: LogEntry): void {
    const { path, inode, sizeBytes, name } = entry;
    this.#gaps.push({
      reason: this.findInode(entry)?.path === path ? 'truncated' : 'file-deleted',
      file: { fingerprint, path, inode: Number(inode) },
      offset: 0,
      unreadBytes: name.compressed ? undefined : sizeBytes,
    });
  }

  #noteBroken(): void {
    const nowMs = this.#clock.monotonicMs();
    const present = new Set<string>();
    for (const entry of this.#files) {
      if (entry.identity.status !== 'damaged') continue;
      const key = brokenKey(entry);
      present.add(key);
      if (this.#broken.get(key)?.sizeBytes !== entry.sizeBytes)
        this.#broken.set(key, { sizeBytes: entry.sizeBytes, sinceMs: nowMs });
    }
    for (const key of this.#broken.keys()) if (!present.has(key)) this.#broken.delete(key);
  }

  #forget(): void {
    // An inode number is used again; that of a file that is gone must not speak for another one.
    const inodes = new Set(this.#files.map(brokenKey));
    for (const one of this.#givenUp) if (!inodes.has(one)) this.#givenUp.delete(one);
    if (this.#taken.size <= REMEMBERED_FILES + this.#files.length || this.blind) return;
    const present = new Set(
      this.#files.map(({ identity }) => (identity.status === 'line' ? identity.fingerprint : '')),
    );
    for (const one of this.#taken) if (!present.has(one)) this.#taken.delete(one);
  }
}

function brokenKey({ device, inode }: LogEntry): string {
  return inodeKey({ dev: device, ino: inode });
}
