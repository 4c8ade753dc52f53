import type { BigIntStats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isSystemError, LogError } from '../errors.ts';
import { isMissing, toLogError } from './file-problem.ts';
import { type LogFileName, parseLogFileName } from './file-name.ts';
import type { FirstLine } from './first-line.ts';
import { areLookAlikes } from './look-alike.ts';
import { OpenFile } from './open-file.ts';

/** A look at a directory that changes meanwhile is begun anew so often; then it is given up until later. */
const ATTEMPTS = 5;

/** What a file begins with. */
export type LogIdentity =
  /** `complete` is false where the first line has no line feed yet: the fingerprint is then that of what there is of it. */
  | { status: 'line'; fingerprint: string; complete: boolean; stageMs: number }
  /** Nothing, or only NULs and line feeds. */
  | { status: 'empty' }
  /** An archive of which not even the first line decompresses. */
  | { status: 'damaged' }
  | { status: 'unreadable'; error: LogError };

export interface LogEntry {
  readonly path: string;
  readonly name: LogFileName;
  readonly device: bigint;
  readonly inode: bigint;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  readonly identity: LogIdentity;
}

export type LogListing =
  /** Every file of the log once, the oldest first, the live file last. */
  | {
      status: 'listed';
      files: readonly LogEntry[];
      live: LogEntry | undefined;
      /** Files that cannot be told from one of `files` by their first line, and are not copies of it. */
      lookAlikes: readonly LogEntry[];
    }
  /** Files were renamed all the while: nothing can be said about their order now. */
  | { status: 'unsettled' };

interface Known {
  readonly size: bigint;
  readonly modifiedNs: bigint;
  readonly identity: LogIdentity;
  /** What was hashed of a first line that is not complete yet, so that a long one is not hashed again at each look. */
  readonly begun: FirstLine | undefined;
}

interface Place {
  readonly path: string;
  readonly name: LogFileName;
}

/** The files of a log: where they are, in which order they were written, and what tells them apart. */
export class LogDirectory {
  readonly #path: string;
  /** By device and inode, so that a file is opened again only when it has changed. */
  #known = new Map<string, Known>();
  /** Which pairs of files with the same first line were compared, and whether they differ. */
  #compared = new Map<string, boolean>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects with the file system's error where the directory itself cannot be read. */
  async list(signal: AbortSignal): Promise<LogListing> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const live = await this.#liveInode();
      const places = await this.#places();
      const known = new Map<string, Known>();
      const entries: LogEntry[] = [];
      for (const place of withoutGrowingArchives(places)) {
        const entry = await this.#entry(place, known, signal);
        if (entry !== undefined) entries.push(entry);
      }
      // A rename in the meantime shows in the names, or in what the live path names.
      if (!sameNames(places, await this.#places()) || live !== (await this.#liveInode())) continue;
      this.#known = known;
      const files = inOrder(onePerFingerprint(entries));
      const lookAlikes = await this.#lookAlikes(entries, files);
      return { status: 'listed', files, live: files.find((file) => file.name.live), lookAlikes };
    }
    return { status: 'unsettled' };
  }

  async #lookAlikes(entries: readonly LogEntry[], files: readonly LogEntry[]): Promise<LogEntry[]> {
    const found: LogEntry[] = [];
    const compared = new Map<string, boolean>();
    for (const entry of entries) {
      const kept = files.find((file) => file !== entry && haveSameFirstLine(file, entry));
      if (kept === undefined || kept.inode === entry.inode || isArchived(entry) || isArchived(kept)) continue;
      const key = `${inodeKey({ dev: entry.device, ino: entry.inode })}.${entry.sizeBytes}.${kept.inode}`;
      const differ = this.#compared.get(key) ?? (await areLookAlikes(entry, kept));
      compared.set(key, differ);
      if (differ) found.push(entry);
    }
    this.#compared = compared;
    return found;
  }

  /** Changes when a file is created, renamed or removed; a cheap sign that a new look is due. */
  async stamp(): Promise<string> {
    const stamps: string[] = [];
    for (const path of await this.#livePaths()) {
      const { dev, ino, mtimeNs } = await stat(dirname(path), { bigint: true });
      stamps.push(`${dev}.${ino}.${mtimeNs}`);
    }
    return stamps.join(' ');
  }

  /** The path as it is given and, where that is or goes through a symbolic link, the one it leads to. */
  async #livePaths(): Promise<string[]> {
    try {
      const real = await realpath(this.#path);
      const besideIt = join(await realpath(dirname(this.#path)), basename(this.#path));
      return real === besideIt ? [this.#path] : [this.#path, real];
    } catch (error) {
      // A dangling link or a file that is not there; anything else shows when the file is opened.
      if (!isSystemError(error)) throw error;
      return [this.#path];
    }
  }

  async #places(): Promise<Place[]> {
    const places: Place[] = [];
    for (const livePath of await this.#livePaths()) {
      const directory = dirname(livePath);
      const names = await readdir(directory);
      for (const file of names) {
        const name = parseLogFileName(basename(livePath), file);
        if (name !== undefined) places.push({ path: join(directory, file), name });
      }
    }
    return places;
  }

  async #liveInode(): Promise<string> {
    try {
      return inodeKey(await stat(this.#path, { bigint: true }));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return '';
    }
  }

  async #entry(place: Place, known: Map<string, Known>, signal: AbortSignal): Promise<LogEntry | undefined> {
    let stats: BigIntStats;
    try {
      stats = await stat(place.path, { bigint: true });
    } catch (error) {
      // Gone since its name was read; whether that matters shows when the names are read again.
      if (isMissing(error)) return undefined;
      throw error;
    }
    if (!stats.isFile() && !place.name.live) return undefined;
    const { path, name } = place;
    const base = { path, name, device: stats.dev, inode: stats.ino };
    const modifiedAtMs = Number(stats.mtimeMs);
    const identity = await this.#identify(place, stats, known, signal);
    return { ...base, sizeBytes: Number(stats.size), modifiedAtMs, identity };
  }

  async #identify(
    place: Place,
    stats: BigIntStats,
    known: Map<string, Known>,
    signal: AbortSignal,
  ): Promise<LogIdentity> {
    const key = inodeKey(stats);
    const before = this.#known.get(key);
    if (before !== undefined && before.size === stats.size && before.modifiedNs === stats.mtimeNs) {
      known.set(key, before);
      return before.identity;
    }
    if (!stats.isFile()) return { status: 'unreadable', error: new LogError('LOG_NOT_A_FILE', place.path) };
    try {
      const { identity, firstLine } = await identifyFile(place, before?.begun, signal);
      if (!signal.aborted)
        known.set(key, {
          size: stats.size,
          modifiedNs: stats.mtimeNs,
          identity,
          begun: firstLine.complete ? undefined : firstLine,
        });
      return identity;
    } catch (error) {
      return { status: 'unreadable', error: toLogError(place.path, error) };
    }
  }
}

async function identifyFile(
  place: Place,
  before: FirstLine | undefined,
  signal: AbortSignal,
): Promise<{ identity: LogIdentity; firstLine: FirstLine }> {
  const file = await OpenFile.open(place.path, place.name.compressed);
  try {
    // A file that begins otherwise is another one.
    const adopt =
      before !== undefined && before.start >= 0 && !file.compressed && (await file.beginsWith(before));
    if (adopt) file.adopt(before);
    const ending = await file.identify(signal);
    return {
      identity: identityOf(file.firstLine, ending === 'cut-short' || ending === 'damaged'),
      firstLine: file.firstLine,
    };
  } finally {
    await file.close();
  }
}

function identityOf(line: FirstLine, broken: boolean): LogIdentity {
  if (broken && !line.complete) return { status: 'damaged' };
  if (line.start < 0) return { status: 'empty' };
  return { status: 'line', fingerprint: line.fingerprint(), complete: line.complete, stageMs: line.stageMs };
}

/** An archive beside the file that it is made of is still growing, or about to take its place. */
function withoutGrowingArchives(places: readonly Place[]): Place[] {
  const plain = new Set(places.filter(({ name }) => !name.compressed).map(({ path }) => path));
  return places.filter(({ path, name }) => !name.compressed || !plain.has(path.slice(0, -'.gz'.length)));
}

/** Copies and archives of a file say the same: one of them is enough, preferably one that is still written to. */
function onePerFingerprint(entries: readonly LogEntry[]): LogEntry[] {
  const best = new Map<string, LogEntry>();
  for (const entry of entries) {
    const { identity } = entry;
    const key =
      identity.status === 'line' ? identity.fingerprint : inodeKey({ dev: entry.device, ino: entry.inode });
    const other = best.get(key);
    if (other === undefined || preference(entry) > preference(other)) best.set(key, entry);
  }
  return [...best.values()];
}

function haveSameFirstLine(one: LogEntry, other: LogEntry): boolean {
  if (one.identity.status !== 'line' || other.identity.status !== 'line') return false;
  return one.identity.fingerprint === other.identity.fingerprint;
}

function isArchived({ name }: LogEntry): boolean {
  return name.compressed;
}

/** The live file before plain backups before archives; the largest of one kind, as a copy may be cut. */
function preference({ name, sizeBytes }: LogEntry): number {
  return sizeBytes + (name.live ? 2 * 2 ** 50 : name.compressed ? 0 : 2 ** 50);
}

function inOrder(entries: readonly LogEntry[]): LogEntry[] {
  return [...entries].sort((a, b) => {
    if (a.name.live !== b.name.live) return a.name.live ? 1 : -1;
    return orderMs(a) - orderMs(b) || rank(b) - rank(a) || (a.path < b.path ? -1 : 1);
  });
}

/** A rotation time is the end of a file and a first event its beginning; files do not overlap, so the two compare. */
function orderMs({ name, identity, modifiedAtMs }: LogEntry): number {
  if (name.rotatedAtMs !== undefined) return name.rotatedAtMs;
  if (identity.status === 'line' && !Number.isNaN(identity.stageMs)) return identity.stageMs;
  return modifiedAtMs;
}

/** The 2 of `audit.log.2`: the higher the older. */
function rank({ name }: LogEntry): number {
  return Number(/\.(\d{1,6})$/.exec(name.key)?.[1] ?? 0);
}

function sameNames(a: readonly Place[], b: readonly Place[]): boolean {
  const paths = new Set(a.map(({ path }) => path));
  return a.length === b.length && b.every(({ path }) => paths.has(path));
}

export function inodeKey({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}.${ino}`;
}
