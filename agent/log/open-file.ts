import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { LogError } from '../errors.ts';
import { FirstLine } from './first-line.ts';
import { GzipReader } from './gzip-reader.ts';
import type { LogReader } from './log-reader.ts';
import { PlainReader } from './plain-reader.ts';

const SCRATCH_BYTES = 64 * 1024;

/** A file of the log that is open, whatever it is called by now. */
export class OpenFile {
  readonly path: string;
  readonly compressed: boolean;
  readonly device: bigint;
  readonly inode: bigint;
  readonly #handle: FileHandle;
  #firstLine = new FirstLine();

  private constructor(path: string, compressed: boolean, handle: FileHandle, stats: BigIntStats) {
    this.path = path;
    this.compressed = compressed;
    this.#handle = handle;
    this.device = stats.dev;
    this.inode = stats.ino;
  }

  /** Rejects with the file system's error, or with a LogError where the path names no file. */
  static async open(path: string, compressed: boolean): Promise<OpenFile> {
    // Without O_NONBLOCK the opening of a FIFO waits for a writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat({ bigint: true });
      if (!stats.isFile()) throw new LogError('LOG_NOT_A_FILE', path);
      return new OpenFile(path, compressed, handle, stats);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get firstLine(): FirstLine {
    return this.#firstLine;
  }

  /** Takes over what was found out earlier of a file that has the same head; see `beginsWith`. */
  adopt(firstLine: FirstLine): void {
    this.#firstLine = firstLine;
  }

  stat(): Promise<BigIntStats> {
    return this.#handle.stat({ bigint: true });
  }

  isSame(stats: { dev: bigint; ino: bigint }): boolean {
    return stats.dev === this.device && stats.ino === this.inode;
  }

  createReader(): LogReader {
    return this.compressed ? new GzipReader(this.#handle) : new PlainReader(this.#handle);
  }

  /** Reads on until the first line is complete, or the content ends. Returns how it ended. */
  async identify(signal: AbortSignal): Promise<LogReader['ending']> {
    const reader = this.createReader();
    const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    try {
      await reader.skipTo(this.#firstLine.scanned, signal);
      while (!this.#firstLine.complete && !signal.aborted) {
        const bytes = await reader.read(scratch, 0, scratch.length);
        if (bytes === 0) break;
        this.#firstLine.push(scratch.subarray(0, bytes));
      }
      return reader.ending;
    } finally {
      reader.close();
    }
  }

  /** Whether the file still begins with the first line, as far as that is known. An archive is never written in place. */
  async beginsWith(firstLine: FirstLine): Promise<boolean> {
    const { head, start } = firstLine;
    if (this.compressed || start < 0) return true;
    const now = Buffer.allocUnsafe(head.length);
    const { bytesRead } = await this.#handle.read(now, 0, head.length, start);
    return bytesRead === head.length && now.equals(head);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
