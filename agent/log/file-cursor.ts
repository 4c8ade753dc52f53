import type { LogEntry } from './directory.ts';
import type { LogFile } from './log.ts';
import { type Frame, type FramerOptions, LineFramer } from './line-framer.ts';
import { OpenFile } from './open-file.ts';

export type CursorOptions = Omit<FramerOptions, 'reader' | 'verify'>;

/** Where a cursor is to begin, as found in the directory. */
export interface CursorPlace {
  readonly entry: LogEntry;
  readonly fingerprint: string;
  readonly offset: number;
}

/** Reads one open file from an offset on, as long as it is the file that it was when it was opened. */
export class FileCursor {
  readonly open: OpenFile;
  readonly #framer: LineFramer;
  #file: LogFile;
  /** Set once it is known that the API server has closed the file; see LogFileName.rotatedAtMs. */
  closedByWriter = false;
  /** Whether the log's path named the file when it was last seen. */
  wasLive = false;
  /** Set once the file was read to its end and left. */
  finished = false;
  /** The file's size as the directory had it. */
  listedBytes = 0;
  /** The file's size as of the last look at it, and since when it is the same, on the monotonic clock. */
  sizeBytes: number;
  quietSinceMs: number | undefined;
  /** How large an archive was when it was read to its end. */
  archiveBytes: number | undefined;
  /** How far the file was seen to reach while it was certainly still the same file. */
  #provenBytes: number;
  /** Set while what follows the last line feed is not held in memory: the size at that time. */
  #parkedBytes: number | undefined;
  #lastEnd = { sizeBytes: -1, offset: -1 };

  private constructor(open: OpenFile, entry: LogEntry, options: CursorOptions) {
    this.open = open;
    this.sizeBytes = entry.sizeBytes;
    this.#provenBytes = entry.name.compressed ? 0 : entry.sizeBytes;
    this.#file = { fingerprint: open.firstLine.fingerprint(), path: open.path, inode: Number(open.inode) };
    const verify = (signal: AbortSignal): Promise<boolean> => this.#verify(signal);
    this.#framer = new LineFramer({ ...options, reader: open.createReader(), verify });
  }

  /** Opens a file; undefined where the path names another file than the one with the fingerprint by now, or the signal aborts. */
  static async open(
    place: CursorPlace,
    options: CursorOptions,
    signal: AbortSignal,
  ): Promise<FileCursor | undefined> {
    const { entry, fingerprint, offset } = place;
    const open = await OpenFile.open(entry.path, entry.name.compressed);
    try {
      await open.identify(signal);
      const { firstLine } = open;
      if (!signal.aborted && firstLine.start >= 0 && firstLine.fingerprint() === fingerprint) {
        const cursor = new FileCursor(open, entry, options);
        await cursor.seek(offset, signal);
        if (!signal.aborted) return cursor;
        cursor.#framer.close();
      }
    } catch (error) {
      await open.close();
      throw error;
    }
    await open.close();
    return undefined;
  }

  get file(): LogFile {
    return this.#file;
  }

  /** Where the first byte stands that was not handed out. */
  get offset(): number {
    return this.#framer.offset;
  }

  /** Where the content read so far ends. */
  get endOffset(): number {
    return this.#framer.endOffset;
  }

  /** Bytes of the file as it is stored that were read. */
  get storedOffset(): number {
    return this.open.compressed ? this.#framer.reader.storedPosition : this.offset;
  }

  get ending(): LineFramer['reader']['ending'] {
    return this.#framer.reader.ending;
  }

  /** Bytes of the file as it is stored that are known and were not handed out. */
  get behindBytes(): number {
    return Math.max(0, Math.max(this.sizeBytes, this.listedBytes) - this.storedOffset);
  }

  get parked(): boolean {
    return this.#parkedBytes !== undefined;
  }

  /** Bytes known to stand behind the offset; undefined for an archive. */
  get unreadBytes(): number | undefined {
    return this.open.compressed ? undefined : Math.max(0, this.#provenBytes - this.offset);
  }

  /** The file was cut: what it reached to is counted anew. */
  forgetProven(): void {
    this.#provenBytes = 0;
  }

  async next(signal: AbortSignal): Promise<Frame> {
    this.#parkedBytes = undefined;
    const frame = await this.#framer.next(signal);
    if (frame.status === 'region' || frame.status === 'oversize') {
      this.#provenBytes = Math.max(this.#provenBytes, this.endOffset);
      this.quietSinceMs = undefined;
    }
    return frame;
  }

  /** The last line, without a line feed. */
  rest(signal: AbortSignal): Promise<Frame> {
    return this.#framer.rest(signal);
  }

  /** Goes on at an offset and drops what was read and not handed out. */
  async seek(offset: number, signal: AbortSignal): Promise<boolean> {
    this.#parkedBytes = undefined;
    this.archiveBytes = undefined;
    const back = this.open.compressed ? this.open.createReader() : undefined;
    return this.#framer.seek(offset, signal, back);
  }

  /** Lets go of what was read and not handed out, so that the read buffer can be given back or lent. Not for archives. */
  async park(signal: AbortSignal): Promise<void> {
    await this.seek(this.offset, signal);
    this.#parkedBytes = this.sizeBytes;
  }

  /** Whether reading may bring more where the file is larger than what was read of it. */
  mayHoldMore(sizeBytes: number, isLive: boolean): boolean {
    if (this.#parkedBytes !== undefined) {
      if (isLive && this.#parkedBytes === sizeBytes) return false;
      this.#parkedBytes = undefined;
      return true;
    }
    // A file system that announces more than it gives must not make a busy loop.
    const { endOffset } = this;
    if (this.#lastEnd.sizeBytes === sizeBytes && this.#lastEnd.offset === endOffset) return false;
    this.#lastEnd = { sizeBytes, offset: endOffset };
    return true;
  }

  /** Whether the file still begins as it did. */
  unchanged(): Promise<boolean> {
    return this.open.beginsWith(this.open.firstLine);
  }

  async close(): Promise<void> {
    this.#framer.close();
    await this.open.close();
  }

  /** A file opened before its first line was complete gets its fingerprint when the line feed comes. */
  async #verify(signal: AbortSignal): Promise<boolean> {
    if (!(await this.unchanged())) return false;
    if (this.open.firstLine.complete) return true;
    await this.open.identify(signal);
    this.#file = { ...this.#file, fingerprint: this.open.firstLine.fingerprint() };
    return true;
  }
}
