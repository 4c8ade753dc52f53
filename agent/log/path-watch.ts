import { stat } from 'node:fs/promises';
import { isSystemError } from '../errors.ts';
import type { FileCursor } from './file-cursor.ts';

/** Tells whether there may be something new, at the cost of two stats. */
export class PathWatch {
  readonly #path: string;
  #last = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Whether the path names another file or another size than at the last call, or the open file holds more than was read. */
  async changed(current: FileCursor | undefined): Promise<boolean> {
    const before = this.#last;
    this.#last = await this.#stamp();
    if (this.#last !== before) return true;
    if (current === undefined || current.open.compressed) return false;
    try {
      return Number((await current.open.stat()).size) !== current.sizeBytes;
    } catch (error) {
      if (isSystemError(error)) return true;
      throw error;
    }
  }

  async #stamp(): Promise<string> {
    try {
      const { dev, ino, size, mtimeNs } = await stat(this.#path, { bigint: true });
      return `${dev}.${ino}.${size}.${mtimeNs}`;
    } catch (error) {
      if (isSystemError(error)) return error.code;
      throw error;
    }
  }
}
