import { createHash } from 'node:crypto';
import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A line as it was written, and where it stands in the decompressed file. */
export interface WrittenLine {
  readonly text: string;
  readonly fingerprint: string;
  readonly start: number;
  readonly end: number;
  /** Id of its document, made the plain way; a line that is no event counts as one without a time. */
  readonly id: string;
}

/** A log that is written and rotated as the API server does it, and that knows what must arrive. */
export class WrittenLog {
  readonly path: string;
  readonly lines: WrittenLine[] = [];
  #fingerprint = '';
  #offset = 0;
  #rotations = 0;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(path: string): Promise<WrittenLog> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '');
    return new WrittenLog(path);
  }

  /** Appends whole lines; returns them as written. */
  async append(texts: readonly string[]): Promise<readonly WrittenLine[]> {
    const written = texts.map((text) => this.#place(text));
    this.lines.push(...written);
    await appendFile(this.path, `${texts.join('\n')}\n`);
    return written;
  }

  /** Appends bytes that need not be lines, and that `lines` says nothing of: empty ones, or what follows the last of them. */
  async appendRaw(bytes: Buffer): Promise<void> {
    this.#offset += bytes.length;
    await appendFile(this.path, bytes);
  }

  /** Rename and create. The backup's name is later at each call. */
  async rotate(): Promise<string> {
    this.#rotations += 1;
    const time = new Date(Date.UTC(2026, 10, 21, 12) + this.#rotations * 1001).toISOString();
    const backup = join(dirname(this.path), `audit-${time.replaceAll(':', '-').replace('Z', '')}.log`);
    await rename(this.path, backup);
    await writeFile(this.path, '');
    this.#fingerprint = '';
    this.#offset = 0;
    return backup;
  }

  #place(text: string): WrittenLine {
    if (this.#fingerprint === '') this.#fingerprint = createHash('sha256').update(text).digest('hex');
    const start = this.#offset;
    const end = start + Buffer.byteLength(text);
    this.#offset = end + 1;
    const id = idOf(stageTimeMs(text), this.#fingerprint, start);
    return { text, fingerprint: this.#fingerprint, start, end, id };
  }
}

function stageTimeMs(text: string): number {
  const time = /"stageTimestamp":"([^"]+)"/.exec(text)?.[1];
  return time === undefined ? 0 : Date.parse(time);
}

function idOf(timeMs: number, fingerprint: string, offset: number): string {
  const hex = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0');
  return Buffer.from(hex(timeMs, 6) + fingerprint.slice(0, 14) + hex(offset, 5), 'hex').toString('base64url');
}
