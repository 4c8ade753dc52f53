import { createHash } from 'node:crypto';
import { parseMicroTime } from '../event/timestamp.ts';

/** So much of the first line is kept, to tell later whether the file still begins with it. */
export const HEAD_BYTES = 4096;

const LINE_FEED = 10;
const STAGE_KEY = Buffer.from('"stageTimestamp":');
/** The key and a time in quotes with nine fraction digits and an offset, with room to spare. */
const STAGE_WINDOW = STAGE_KEY.length + 40;

/**
 * The first line of a file, taken in as the file's bytes come, whatever its length: the first non-empty run of bytes up to a line
 * feed after any NULs and line feeds at the head. Its SHA-256 is the file's identity. Feed it the decompressed content from 0 on.
 */
export class FirstLine {
  readonly #hash = createHash('sha256');
  #fingerprint: string | undefined;
  #scanned = 0;
  #start = -1;
  #length = 0;
  #head = Buffer.alloc(0);
  /** The end of what was taken in, so that a time that two pieces share is found. */
  #overlap = Buffer.alloc(0);
  #stageMs = Number.NaN;

  /** Bytes of the file taken in so far; the next push must begin there. */
  get scanned(): number {
    return this.#scanned;
  }

  /** Where the line begins; -1 as long as only NULs and line feeds were met. */
  get start(): number {
    return this.#start;
  }

  get length(): number {
    return this.#length;
  }

  /** True once the line's line feed was met. */
  get complete(): boolean {
    return this.#fingerprint !== undefined;
  }

  /** The line's first bytes, at most HEAD_BYTES, with its line feed where that is among them. */
  get head(): Buffer {
    return this.#head;
  }

  /** The event's `stageTimestamp`, ms since the epoch; NaN where there is none. */
  get stageMs(): number {
    return this.#stageMs;
  }

  /** SHA-256 of the line, or of what there is of it so far. */
  fingerprint(): string {
    return this.#fingerprint ?? this.#hash.copy().digest('hex');
  }

  push(bytes: Buffer): void {
    if (this.complete) return;
    let from = 0;
    if (this.#start < 0) {
      while (from < bytes.length && (bytes[from] === 0 || bytes[from] === LINE_FEED)) from += 1;
      if (from < bytes.length) this.#start = this.#scanned + from;
    }
    this.#scanned += bytes.length;
    if (from === bytes.length) return;
    const lineFeed = bytes.indexOf(LINE_FEED, from);
    this.#take(bytes.subarray(from, lineFeed < 0 ? bytes.length : lineFeed));
    if (lineFeed < 0) return;
    this.#fingerprint = this.#hash.digest('hex');
    this.#keepHead(bytes.subarray(lineFeed, lineFeed + 1));
  }

  #take(part: Buffer): void {
    this.#hash.update(part);
    this.#length += part.length;
    this.#keepHead(part);
    this.#findStageTime(part);
  }

  #keepHead(part: Buffer): void {
    const missing = HEAD_BYTES - this.#head.length;
    if (missing > 0) this.#head = Buffer.concat([this.#head, part.subarray(0, missing)]);
  }

  /**
   * The last `"stageTimestamp":` of the line is the event's own: the API server writes it after the bodies, and what stands inside a
   * string has its quotes escaped.
   */
  #findStageTime(part: Buffer): void {
    const seam = Buffer.concat([this.#overlap, part.subarray(0, STAGE_WINDOW)]);
    for (const text of [seam, part]) {
      const key = text.lastIndexOf(STAGE_KEY);
      const end = key < 0 ? -1 : text.indexOf('"', key + STAGE_KEY.length + 1);
      if (end < 0) continue;
      const time = parseMicroTime(text, key + STAGE_KEY.length, end + 1);
      if (!Number.isNaN(time)) this.#stageMs = time;
    }
    this.#overlap = Buffer.from(
      part.length < STAGE_WINDOW ? seam.subarray(-STAGE_WINDOW) : part.subarray(-STAGE_WINDOW),
    );
  }
}
