import { readFile, stat } from 'node:fs/promises';

/** A secret file larger than this is a mistake (a log, a device), not a credential. */
const MAX_SECRET_BYTES = 1024 * 1024;

/**
 * A value that must never be printed: it shows itself as `[secret]` wherever it is turned into text. One that comes from a file is
 * read again when the file changes, so that a rotated credential needs no restart.
 */
export class Secret {
  readonly #value: string | undefined;
  /** The file it comes from; undefined for a value. A path is no secret. */
  readonly path: string | undefined;
  #cached: { readonly stamp: string; readonly value: string } | undefined;

  private constructor(value: string | undefined, path: string | undefined) {
    this.#value = value;
    this.path = path;
  }

  static ofValue(value: string): Secret {
    return new Secret(value, undefined);
  }

  static ofFile(path: string): Secret {
    return new Secret(undefined, path);
  }

  /** The value as of now, without white space around it. Rejects where the file cannot be read. */
  async read(): Promise<string> {
    if (this.path === undefined) return this.#value ?? '';
    const { mtimeNs, ino, size } = await stat(this.path, { bigint: true });
    const stamp = `${mtimeNs}.${ino}.${size}`;
    if (this.#cached?.stamp === stamp) return this.#cached.value;
    if (size > MAX_SECRET_BYTES) throw new Error(`${this.path}: ${size} bytes are no credential`);
    const value = (await readFile(this.path, 'utf8')).trim();
    this.#cached = { stamp, value };
    return value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}
