import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rename, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

/** The line of an event as far as following files is concerned; no two are alike. */
export function eventLine(number: number, padding = 0): string {
  const second = new Date(Date.UTC(2026, 10, 20) + number * 1000).toISOString().replace('Z', '000Z');
  return `{"kind":"Event","auditID":"${number}","pad":"${'x'.repeat(padding)}","stageTimestamp":"${second}"}\n`;
}

export function eventLines(from: number, count: number, padding = 0): string {
  return Array.from({ length: count }, (_, i) => eventLine(from + i, padding)).join('');
}

/** SHA-256 of the first line, found the plain way. */
export function fingerprintOf(content: Buffer | string): string {
  const line =
    content
      .toString('latin1')
      .replace(/^[\0\n]+/, '')
      .split('\n')[0] ?? '';
  return createHash('sha256').update(Buffer.from(line, 'latin1')).digest('hex');
}

/** A log in a temporary directory, treated as the API server and its surroundings treat theirs. */
export class LogFiles {
  readonly directory: string;
  #rotations = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<LogFiles> {
    return new LogFiles(await mkdtemp(join(tmpdir(), 'audit-log-')));
  }

  get path(): string {
    return join(this.directory, 'audit.log');
  }

  at(name: string): string {
    return join(this.directory, name);
  }

  async append(content: string | Buffer, path = this.path): Promise<void> {
    await appendFile(path, content);
  }

  /** A name as the API server gives it, later at each call. */
  backupPath(): string {
    this.#rotations += 1;
    const time = new Date(Date.UTC(2026, 10, 20, 1) + this.#rotations * 60_000 + (this.#rotations % 1000));
    return this.at(`audit-${time.toISOString().replaceAll(':', '-').replace('Z', '')}.log`);
  }

  /** Rename and create, as the API server rotates. */
  async rotate(): Promise<string> {
    const backup = this.backupPath();
    await rename(this.path, backup);
    await writeFile(this.path, '');
    return backup;
  }

  async compress(backup: string): Promise<string> {
    await writeFile(`${backup}.gz`, gzipSync(await readFile(backup)));
    await unlink(backup);
    return `${backup}.gz`;
  }

  /** `copytruncate`. */
  async copyTruncate(copy: string): Promise<void> {
    await writeFile(copy, await readFile(this.path));
    await truncate(this.path, 0);
  }

  async content(path = this.path): Promise<Buffer> {
    const stored = await readFile(path);
    return path.endsWith('.gz') ? gunzipSync(stored) : stored;
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}
