import { appendFile, copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedDir } from './shared.ts';

const LINE_FEED = 0x0a;

const NAMES = ['metadata', 'node', 'request-response'];
/** Lines of these together, as the recording's own description counts them. */
export const REPLAYED_LINES = 3997 + 1954 + 1903;

/** The recorded logs of usual events, each in a directory of its own below this one. */
export function replayedLogs(directory: string): Promise<readonly ReplayedLog[]> {
  return Promise.all(NAMES.map((name) => ReplayedLog.create(name, join(directory, name))));
}

/** A recorded log, written once more: its backups lie there from the start, its live file grows as the test wants it. */
export class ReplayedLog {
  /** Of the recording and of the log. */
  readonly name: string;
  readonly directory: string;
  readonly path: string;
  readonly #live: Buffer;
  #writtenBytes = 0;

  private constructor(options: { name: string; directory: string; live: Buffer }) {
    this.name = options.name;
    this.directory = options.directory;
    this.path = join(options.directory, 'audit.log');
    this.#live = options.live;
  }

  static async create(name: string, directory: string): Promise<ReplayedLog> {
    const recorded = join(sharedDir() ?? '', 'recorded', name);
    await mkdir(directory, { recursive: true });
    for (const backup of await readdir(recorded)) {
      if (/^audit-.*\.log(\.gz)?$/.test(backup))
        await copyFile(join(recorded, backup), join(directory, backup));
    }
    const log = new ReplayedLog({ name, directory, live: await readFile(join(recorded, 'audit.log')) });
    await writeFile(log.path, '');
    return log;
  }

  /** Writes up to that share of the recorded live file; the end may be in the middle of a line. */
  async writeUpTo(share: number): Promise<void> {
    await this.#writeTo(Math.max(this.#writtenBytes, Math.floor(this.#live.length * share)));
  }

  /** Ends a line of which only a part is written. */
  async endLine(): Promise<void> {
    const lineFeed = this.#live.indexOf(LINE_FEED, Math.max(0, this.#writtenBytes - 1));
    await this.#writeTo(lineFeed + 1);
  }

  /** Ends the line, renames the live file as the API server does, and creates it anew. */
  async rotate(): Promise<void> {
    await this.endLine();
    const time = lastStageTime(this.#live.subarray(0, this.#writtenBytes));
    const stamp = time.toISOString().replaceAll(':', '-').replace('Z', '');
    await rename(this.path, join(this.directory, `audit-${stamp}.log`));
    await writeFile(this.path, '');
  }

  async #writeTo(end: number): Promise<void> {
    await appendFile(this.path, this.#live.subarray(this.#writtenBytes, end));
    this.#writtenBytes = end;
  }
}

function lastStageTime(lines: Buffer): Date {
  const times = lines.toString('latin1').match(/"stageTimestamp":"[^"]+"/g) ?? [];
  const time = /:"(.+)"/.exec(times.at(-1) ?? '')?.[1];
  if (time === undefined) throw new Error('no line to rotate');
  return new Date(time);
}
