import { write as writeToDescriptor } from 'node:fs';
import { promisify } from 'node:util';

const LINE_FEED = Buffer.from('\n');

/** Writes some of the bytes to a file, and says how many. */
export type WriteSome = (bytes: Buffer, offset: number) => Promise<{ bytesWritten: number }>;

/**
 * Standard output where that is a file. A full disk takes a part of what it is given, and Node's own stream for such an output counts
 * that as the whole: here nothing counts as written before the last byte is.
 */
export class FileOutput {
  readonly #writeSome: WriteSome;
  /** Set while the file ends in the middle of a line. */
  #torn = false;

  constructor(writeSome: WriteSome) {
    this.#writeSome = writeSome;
  }

  static of(descriptor: number): FileOutput {
    const write = promisify(writeToDescriptor);
    return new FileOutput((bytes, offset) => write(descriptor, bytes, offset));
  }

  /** Writes whole lines. Rejects with the file system's error; the same bytes may then be written again. */
  async write(lines: Buffer): Promise<void> {
    // What a failed write has left must not spoil the line that comes next.
    if (this.#torn) await this.#writeAll(LINE_FEED);
    await this.#writeAll(lines);
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#writeSome(bytes, written);
      written += bytesWritten;
      if (bytesWritten > 0) this.#torn = bytes[written - 1] !== LINE_FEED[0];
    }
  }
}
