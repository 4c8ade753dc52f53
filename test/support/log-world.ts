import {
  open,
  readFile,
  rename,
  stat,
  truncate,
  unlink,
  utimes,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { LogGap } from '../../agent/log/log.ts';
import type { Delivered } from './follow.ts';
import { eventLine, fingerprintOf, type LogFiles } from './log-files.ts';

/** A torn line still has its number, so that no two are alike. */
const TORN_AT = 36;

/** One content of the log: from the moment a file is empty until it is deleted or truncated. */
interface Content {
  bytes: Buffer;
  /** Where it is on disk; undefined once it is gone. */
  path: string | undefined;
  /** An archive that is being written beside it. */
  growingArchive: Buffer | undefined;
  /** Gone before anybody could know that it was there. */
  unknowable: boolean;
  /** Whether the follower has had the time to see it. */
  seen: boolean;
}

interface Piece {
  readonly start: number;
  readonly end: number;
}

/**
 * A log with its writer and everything that happens to it, on the real file system, and what the log should have been read as: the
 * model that a follower is compared with.
 */
export class LogWorld {
  readonly #files: LogFiles;
  readonly #contents: Content[] = [];
  #live: Content;
  /** The content that the writer has open, and where it writes next. */
  #target: Content;
  #handle: FileHandle;
  #at = 0;
  /** The rest of a line that was begun. */
  #rest = '';
  #events = 0;
  #names = 0;

  private constructor(files: LogFiles, handle: FileHandle) {
    this.#files = files;
    this.#handle = handle;
    this.#live = this.#newContent();
    this.#target = this.#live;
  }

  static async create(files: LogFiles): Promise<LogWorld> {
    return new LogWorld(files, await open(files.path, 'w+'));
  }

  #newContent(): Content {
    const path = this.#files.path;
    const content = {
      bytes: Buffer.alloc(0),
      path,
      growingArchive: undefined,
      unknowable: false,
      seen: false,
    };
    this.#contents.push(content);
    return content;
  }

  #backups(): Content[] {
    return this.#contents.filter(({ path }) => path !== undefined && path !== this.#files.path);
  }

  async append(count: number, padding: number): Promise<void> {
    let text = this.#rest;
    this.#rest = '';
    for (let i = 0; i < count; i += 1) text += eventLine((this.#events += 1), padding);
    await this.#write(text);
  }

  /** Begins a line that a later write ends, unless something tears it. */
  async appendPart(): Promise<void> {
    if (this.#rest !== '') return;
    const line = eventLine((this.#events += 1));
    this.#rest = line.slice(TORN_AT);
    await this.#write(line.slice(0, TORN_AT));
  }

  async #write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    if (bytes.length === 0) return;
    await this.#handle.write(bytes, 0, bytes.length, this.#at);
    // The time of the log's own world, in which no file is young: files are ordered by it where nothing else tells.
    await this.#handle.utimes(this.#now(), this.#now());
    const target = this.#target;
    const grown = Buffer.alloc(Math.max(target.bytes.length, this.#at + bytes.length));
    target.bytes.copy(grown);
    bytes.copy(grown, this.#at);
    target.bytes = grown;
    this.#at += bytes.length;
  }

  #now(): Date {
    return new Date(Date.UTC(2026, 10, 20) + this.#events * 1000);
  }

  /** The writer opens what the path names now. */
  async reopen(): Promise<void> {
    await this.#handle.close();
    this.#handle = await open(this.#files.path, 'r+');
    this.#target = this.#live;
    this.#at = this.#live.bytes.length;
  }

  /** As the API server does it: close, rename, create, go on in the new file. A torn line stays where it is. */
  async rotate(torn: boolean): Promise<void> {
    if (torn) this.#rest = '';
    else await this.append(0, 0);
    await this.#handle.close();
    this.#names += 1;
    const time = new Date(this.#now().getTime() + this.#names);
    const stamp = time.toISOString().replaceAll(':', '-').replace('Z', '');
    const backup = this.#files.at(`audit-${stamp}.log`);
    await rename(this.#files.path, backup);
    this.#live.path = backup;
    this.#handle = await open(this.#files.path, 'w+');
    this.#live = this.#newContent();
    this.#target = this.#live;
    this.#at = 0;
  }

  /** As logrotate does it: rename and create; the writer notices nothing. */
  async renameExternally(): Promise<void> {
    this.#names += 1;
    const backup = this.#files.at(`audit.log-20261120${String(this.#names).padStart(4, '0')}`);
    await rename(this.#files.path, backup);
    this.#live.path = backup;
    await writeFile(this.#files.path, '');
    this.#live = this.#newContent();
  }

  /** The writer's next bytes leave a hole unless it appends. */
  async copyTruncate(appends: boolean): Promise<void> {
    this.#names += 1;
    const copy = this.#files.at(`audit.log-20261120${String(this.#names).padStart(4, '0')}`);
    await writeFile(copy, await readFile(this.#files.path));
    await utimes(copy, this.#now(), this.#now());
    await truncate(this.#files.path, 0);
    this.#live.path = copy;
    await this.#beginAnew(appends);
  }

  async truncate(appends: boolean): Promise<void> {
    await truncate(this.#files.path, 0);
    this.#destroy(this.#live);
    await this.#beginAnew(appends);
  }

  async #beginAnew(appends: boolean): Promise<void> {
    const wasTarget = this.#target === this.#live;
    this.#live = this.#newContent();
    if (!wasTarget) return;
    this.#target = this.#live;
    if (appends) this.#at = 0;
  }

  /** The archive appears beside its file, half of it for now. */
  async beginArchive(which: number): Promise<void> {
    const plain = this.#backups().filter(
      ({ path, growingArchive }) => !(path ?? '').endsWith('.gz') && growingArchive === undefined,
    );
    const content = plain[which % plain.length];
    if (content?.path === undefined || content === this.#target) return;
    content.growingArchive = gzipSync(content.bytes);
    await writeFile(
      `${content.path}.gz`,
      content.growingArchive.subarray(0, content.growingArchive.length / 2),
    );
  }

  async endArchives(): Promise<void> {
    for (const content of this.#backups()) {
      if (content.growingArchive === undefined || content.path === undefined) continue;
      await writeFile(`${content.path}.gz`, content.growingArchive);
      // gzip gives an archive the time of its file.
      const { atime, mtime } = await stat(content.path);
      await utimes(`${content.path}.gz`, atime, mtime);
      await unlink(content.path);
      content.path = `${content.path}.gz`;
      content.growingArchive = undefined;
    }
  }

  async deleteOldest(): Promise<void> {
    const [oldest] = this.#backups();
    if (oldest?.path === undefined || oldest === this.#target) return;
    if (oldest.growingArchive !== undefined) await unlink(`${oldest.path}.gz`);
    await unlink(oldest.path);
    this.#destroy(oldest);
  }

  /** Somebody writes to a file that was renamed long ago. */
  async strayAppend(): Promise<void> {
    const plain = this.#backups().filter(
      (one) => one !== this.#target && one.growingArchive === undefined && /log-\d+$/.test(one.path ?? ''),
    );
    const content = plain.at(-1);
    if (content?.path === undefined || !content.bytes.includes(10)) return;
    const line = Buffer.from(eventLine((this.#events += 1)));
    await writeFile(content.path, line, { flag: 'a' });
    content.bytes = Buffer.concat([content.bytes, line]);
  }

  #destroy(content: Content): void {
    content.path = undefined;
    content.growingArchive = undefined;
    if (!content.seen) content.unknowable = true;
  }

  /** The follower has had a quiet look at everything that is there now. */
  noteSeen(): void {
    for (const content of this.#contents)
      content.seen = content.path !== undefined && content.bytes.includes(10);
  }

  /** Nobody follows any more: what is gone by now, and what goes until the next look, cannot be known. */
  noteStopped(): void {
    for (const content of this.#contents) {
      content.seen = false;
      if (content.path === undefined) content.unknowable = true;
    }
  }

  /** What is wrong with what was handed out; empty where nothing is. */
  problems(lives: readonly (readonly Delivered[])[], gaps: readonly LogGap[]): string[] {
    const byFingerprint = new Map(this.#contents.map((content) => [fingerprintOf(content.bytes), content]));
    const problems = lives.flatMap((life) => this.#problemsOfLife(life, byFingerprint));
    const unnamed = gaps.filter(({ file }) => !byFingerprint.has(file.fingerprint));
    problems.push(
      ...unnamed.map(({ reason, file }) => `a gap (${reason}) in ${file.path}, which was never there`),
    );
    for (const [fingerprint, content] of byFingerprint) {
      const named = gaps.filter(({ file }) => file.fingerprint === fingerprint);
      if (named.length > 0 && content.path !== undefined)
        problems.push(`a gap in ${content.path}, which is there`);
      if (content.unknowable) continue;
      const lostFrom = Math.min(content.bytes.length, ...named.map(({ offset }) => offset));
      const missing = firstMissing(content.bytes.subarray(0, lostFrom), piecesOf(lives.flat(), fingerprint));
      if (missing >= 0)
        problems.push(
          `${content.path ?? 'a file that is gone'} (${fingerprint.slice(0, 8)}): byte ${missing} of ${content.bytes.length} missing`,
        );
    }
    return problems;
  }

  #problemsOfLife(life: readonly Delivered[], byFingerprint: ReadonlyMap<string, Content>): string[] {
    const problems: string[] = [];
    const reached = new Map<string, number>();
    for (const one of life) {
      const content = byFingerprint.get(one.fingerprint);
      if (content === undefined) {
        problems.push(`nothing has the fingerprint ${one.fingerprint}`);
        continue;
      }
      const { start, end } = rangeOf(one);
      if (one.kind !== 'oversize-line' && !content.bytes.subarray(start, end).equals(one.bytes))
        problems.push(`other bytes at ${start} of ${content.path ?? 'a file that is gone'}`);
      if (start < (reached.get(one.fingerprint) ?? 0)) problems.push(`bytes at ${start} handed out twice`);
      reached.set(one.fingerprint, end);
    }
    return problems;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function rangeOf(one: Delivered): Piece {
  const end = one.kind === 'oversize-line' ? one.endOffset : one.offset + one.bytes.length;
  return { start: one.offset, end };
}

function piecesOf(delivered: readonly Delivered[], fingerprint: string): Piece[] {
  const own = delivered.filter((one) => one.fingerprint === fingerprint).map(rangeOf);
  return own.sort((a, b) => a.start - b.start);
}

/** The first byte that is neither NUL nor line feed and stands in no piece; -1 where there is none. */
function firstMissing(bytes: Buffer, pieces: readonly Piece[]): number {
  let at = 0;
  for (const { start, end } of [...pieces, { start: bytes.length, end: bytes.length }]) {
    for (; at < Math.min(start, bytes.length); at += 1) if (bytes[at] !== 0 && bytes[at] !== 10) return at;
    at = Math.max(at, end);
  }
  return -1;
}
