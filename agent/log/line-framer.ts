import type { ByteBudget, ByteLease } from '../memory/byte-budget.ts';
import { freeBuffer } from '../memory/free-buffer.ts';
import type { LogReader } from './log-reader.ts';
import type { ReadBrake } from './read-brake.ts';

const LINE_FEED = 10;
const SCAN_BYTES = 64 * 1024;

/** Bytes of a file between two of its offsets, as they stand in a buffer. */
export interface Region {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Offset of `bytes[start]` in the decompressed file. */
  readonly offset: number;
}

export type Frame =
  /** Whole lines, or, from `rest`, the last line without its line feed. */
  | ({ status: 'region' } & Region)
  /** A line that is longer than may be held. */
  | { status: 'oversize'; offset: number; endOffset: number }
  /** No whole line is there now; what stands after the last line feed is kept. */
  | { status: 'end' }
  /** The file does not begin as it did: what was read of it is not to be used. */
  | { status: 'replaced' }
  /** The signal aborted. */
  | { status: 'later' };

/** The one read buffer of a follower; given back while nothing happens. */
export class ChunkBuffer {
  readonly #bytes: number;
  #buffer: Buffer | undefined;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get(): Buffer {
    return (this.#buffer ??= Buffer.allocUnsafeSlow(this.#bytes));
  }

  release(): void {
    if (this.#buffer !== undefined) freeBuffer(this.#buffer);
    this.#buffer = undefined;
  }
}

/** Where memory for long lines comes from. */
export type LineBudget = Pick<ByteBudget, 'acquire' | 'leasableBytes'>;

export interface FramerOptions {
  readonly reader: LogReader;
  readonly chunk: ChunkBuffer;
  readonly budget: LineBudget;
  readonly brake: ReadBrake;
  readonly maxLineBytes: number;
  /** Asked after the last read and before bytes are handed out: does the file still begin as it did? */
  readonly verify: (signal: AbortSignal) => Promise<boolean>;
  readonly onRead: (bytes: number) => void;
  readonly onNulBytes: (bytes: number) => void;
}

/** A line that does not fit the read buffer: a second reader looks for its end before any memory is taken for it. */
interface LongLine {
  readonly scout: LogReader;
  readonly scratch: Buffer;
  /** Just past the line feed, once that was found. */
  endOffset: number | undefined;
  /** Set once the reader has begun to pass over the line: it cannot be read any more. */
  passedOver: boolean;
}

/**
 * Cuts a file's content into regions that end with a line feed, at the cost of one search per chunk. What stands after the last line
 * feed is kept for the next chunk. A line longer than the chunk is first measured and then read into memory of exactly its size,
 * leased from the budget, so that it costs neither copies nor more than it needs.
 */
export class LineFramer {
  readonly #options: FramerOptions;
  #reader: LogReader;
  /** `chunk[0..#filled)` are the file's bytes from `#offset` on; those before `#start` have been handed out. */
  #filled = 0;
  #start = 0;
  #offset = 0;
  #long: LongLine | undefined;
  #scout: LogReader | undefined;
  #lease: ByteLease | undefined;

  constructor(options: FramerOptions) {
    this.#options = options;
    this.#reader = options.reader;
  }

  /** Where the first byte stands that was not handed out. */
  get offset(): number {
    return this.#offset + this.#start;
  }

  /** Where the content that is known ends. */
  get endOffset(): number {
    return Math.max(this.#reader.position, this.#long?.scout.position ?? 0);
  }

  get reader(): LogReader {
    return this.#reader;
  }

  /** Continues at an offset with a reader that is at or before it. False where the content ends before that. */
  async seek(offset: number, signal: AbortSignal, reader: LogReader = this.#reader): Promise<boolean> {
    this.#reset();
    if (reader !== this.#reader) this.#reader.close();
    this.#reader = reader;
    this.#offset = offset;
    return reader.skipTo(offset, signal);
  }

  async next(signal: AbortSignal): Promise<Frame> {
    this.#dropHandedOut();
    while (!signal.aborted) {
      if (this.#options.brake.holds()) {
        await this.#options.brake.wait(signal);
        continue;
      }
      if (this.#long !== undefined) {
        if (!(await this.#measure(this.#long))) return { status: 'end' };
        if (this.#long.endOffset === undefined) continue;
        return this.#takeLong(signal, this.#long, this.#long.endOffset);
      }
      const chunk = this.#options.chunk.get();
      if (this.#filled === chunk.length) {
        // What is passed over here is as good as handed out.
        if (!(await this.#options.verify(signal))) return { status: 'replaced' };
        await this.#makeRoom(chunk, signal);
        continue;
      }
      const bytes = await this.#read(chunk, this.#filled, chunk.length - this.#filled);
      if (bytes === 0) return { status: 'end' };
      const fresh = chunk.subarray(this.#filled, this.#filled + bytes);
      const lineFeed = fresh.lastIndexOf(LINE_FEED);
      const end = this.#filled + lineFeed + 1;
      this.#filled += bytes;
      if (lineFeed >= 0) return this.#handOut(chunk, end, signal);
    }
    return { status: 'later' };
  }

  /** The last line of a file that is finished. To be called after `next` has said `end`. */
  async rest(signal: AbortSignal): Promise<Frame> {
    const { offset } = this;
    if (this.endOffset <= offset) return { status: 'end' };
    if (this.#long !== undefined) return this.#takeLong(signal, this.#long, this.endOffset);
    const chunk = this.#options.chunk.get();
    return this.#handOut(chunk, this.#filled, signal);
  }

  /** Forgets what was read and not handed out. `seek` must follow before the next `next`. */
  #reset(): void {
    this.#filled = 0;
    this.#start = 0;
    this.#long = undefined;
    this.#lease?.release();
    this.#lease = undefined;
    this.#scout?.close();
    this.#scout = undefined;
  }

  close(): void {
    this.#reset();
    this.#reader.close();
  }

  #dropHandedOut(): void {
    this.#lease?.release();
    this.#lease = undefined;
    if (this.#start === 0) return;
    const chunk = this.#options.chunk.get();
    if (this.#start < this.#filled) chunk.copyWithin(0, this.#start, this.#filled);
    this.#offset += this.#start;
    this.#filled -= this.#start;
    this.#start = 0;
  }

  async #handOut(chunk: Buffer, end: number, signal: AbortSignal): Promise<Frame> {
    if (!(await this.#options.verify(signal))) return { status: 'replaced' };
    this.#start = end;
    return { status: 'region', bytes: chunk, start: 0, end, offset: this.#offset };
  }

  async #read(target: Buffer, at: number, room: number): Promise<number> {
    const { brake, onRead } = this.#options;
    const bytes = await this.#reader.read(target, at, Math.min(room, brake.chunkBytes));
    if (bytes > 0) {
      brake.spend(bytes);
      onRead(bytes);
    }
    return bytes;
  }

  /** The chunk is full and holds no line feed. A run of NULs at its head is passed over; else the line is a long one. */
  async #makeRoom(chunk: Buffer, signal: AbortSignal): Promise<void> {
    let nulBytes = 0;
    while (nulBytes < this.#filled && chunk[nulBytes] === 0) nulBytes += 1;
    if (nulBytes > 0) {
      if (nulBytes < this.#filled) chunk.copyWithin(0, nulBytes, this.#filled);
      this.#filled -= nulBytes;
      this.#offset += nulBytes;
      this.#options.onNulBytes(nulBytes);
      return;
    }
    const scout = (this.#scout ??= this.#reader.fresh());
    if (await scout.skipTo(this.#reader.position, signal)) {
      // No larger than the chunk, so that the scout never gets ahead of where the next long line would be measured from.
      const scratch = Buffer.allocUnsafeSlow(Math.min(SCAN_BYTES, chunk.length));
      this.#long = { scout, scratch, endOffset: undefined, passedOver: false };
    }
  }

  /** Looks for the line's end in the next piece. False where nothing more is there now. */
  async #measure(long: LongLine): Promise<boolean> {
    if (long.endOffset !== undefined) return true;
    const at = long.scout.position;
    const bytes = await long.scout.read(long.scratch, 0, long.scratch.length);
    this.#options.brake.spend(bytes);
    const lineFeed = long.scratch.subarray(0, bytes).indexOf(LINE_FEED);
    if (lineFeed >= 0) long.endOffset = at + lineFeed + 1;
    return bytes > 0;
  }

  /** Reads the line up to `endOffset` as a whole, or passes over it where it is too long. */
  async #takeLong(signal: AbortSignal, long: LongLine, endOffset: number): Promise<Frame> {
    const { offset } = this;
    const bytes = endOffset - offset;
    const lineBytes = long.endOffset === undefined ? bytes : bytes - 1;
    const { budget, maxLineBytes } = this.#options;
    // What can never be had of the budget is as good as too long.
    if (long.passedOver || lineBytes > maxLineBytes || bytes > budget.leasableBytes)
      return this.#passOver(endOffset, signal, long);
    this.#lease = await budget.acquire(bytes, signal);
    if (this.#lease === undefined) return { status: 'later' };
    const line = Buffer.allocUnsafeSlow(bytes);
    this.#options.chunk.get().copy(line, 0, 0, this.#filled);
    let filled = this.#filled;
    while (filled < bytes) {
      const read = await this.#read(line, filled, bytes - filled);
      // The scout has seen these bytes: they are gone because the file was cut.
      if (read === 0) return { status: 'replaced' };
      filled += read;
    }
    if (!(await this.#options.verify(signal))) return { status: 'replaced' };
    this.#settleAt(endOffset);
    return { status: 'region', bytes: line, start: 0, end: bytes, offset };
  }

  async #passOver(endOffset: number, signal: AbortSignal, long: LongLine): Promise<Frame> {
    const { offset } = this;
    long.passedOver = true;
    if (!(await this.#reader.skipTo(endOffset, signal))) return { status: 'later' };
    if (!(await this.#options.verify(signal))) return { status: 'replaced' };
    this.#settleAt(endOffset);
    return { status: 'oversize', offset, endOffset };
  }

  #settleAt(offset: number): void {
    this.#filled = 0;
    this.#start = 0;
    this.#offset = offset;
    // The scout stays: in an archive it can only go forward, and the next long line is ahead of it.
    this.#long = undefined;
  }
}
