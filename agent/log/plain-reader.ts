import type { FileHandle } from 'node:fs/promises';
import type { LogReader } from './log-reader.ts';

/** Reads an uncompressed file with explicit positions, so that several readers can share its descriptor. */
export class PlainReader implements LogReader {
  readonly ending = 'open';
  readonly #handle: FileHandle;
  #position = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  get position(): number {
    return this.#position;
  }

  get storedPosition(): number {
    return this.#position;
  }

  async read(target: Buffer, at: number, maxBytes: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(target, at, maxBytes, this.#position);
    this.#position += bytesRead;
    return bytesRead;
  }

  async skipTo(position: number): Promise<boolean> {
    this.#position = position;
    return true;
  }

  fresh(): PlainReader {
    return new PlainReader(this.#handle);
  }

  close(): void {}
}
