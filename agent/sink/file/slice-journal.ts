import { dirname } from 'node:path';
import * as z from 'zod';
import { replaceFile, syncDirectory } from '../../checkpoint/durable-file.ts';
import { errorCode } from '../../errors.ts';
import { sizeOf } from './file-system.ts';
import type { SliceFileSystem } from './file-system.ts';

/** A journal larger than this is written anew without what is over. */
const COMPACT_BYTES = 256 * 1024;

/** Entries: `touch` a slice that no recorded state names, with its length before; `finish` one under its final name. */
const entrySchema = z.union([
  z.object({ version: z.literal(1), epoch: z.string().min(1) }),
  z.object({
    sequence: z.int().min(0),
    touch: z.string().min(1),
    length: z.int().min(0),
    endMs: z.number().nullable(),
  }),
  z.object({ sequence: z.int().min(0), finish: z.string().min(1), length: z.int().min(0) }),
  z.object({ settled: z.int().min(0) }),
]);

type Entry = z.output<typeof entrySchema>;

export interface JournaledTouch {
  /** The batch before which this was written. */
  readonly sequence: number;
  readonly path: string;
  readonly length: number;
  readonly endMs: number;
}

export interface JournaledFinish {
  readonly sequence: number;
  readonly path: string;
  readonly length: number;
}

export interface JournalContent {
  readonly epoch: string;
  /** Whether a position with a state of this epoch was ever on disk. */
  readonly settled: boolean;
  readonly touches: readonly JournaledTouch[];
  readonly finishes: readonly JournaledFinish[];
}

/**
 * What the state of the last position cannot know: slices that were begun or opened again after it. The journal names each with its
 * length before its first byte is written, so that after a crash it can be cut back like the others. It lies beside the slices because
 * it says what happened to them, and it is written only when a slice is begun or finished.
 */
export class SliceJournal {
  readonly #path: string;
  readonly #fileSystem: SliceFileSystem;
  #epoch = '';
  #settledMark: number | undefined;
  #entries: Extract<Entry, { sequence: number }>[] = [];
  #bytes = 0;

  constructor(path: string, fileSystem: SliceFileSystem) {
    this.#path = path;
    this.#fileSystem = fileSystem;
  }

  /** What an earlier run left; undefined where there is nothing. */
  async load(): Promise<JournalContent | undefined> {
    const text = await this.#read();
    if (text === undefined) return undefined;
    this.#bytes = Buffer.byteLength(text);
    this.#entries = [];
    for (const line of text.split('\n')) this.#takeLine(line);
    if (this.#epoch === '') return undefined;
    return {
      epoch: this.#epoch,
      settled: this.#settledMark !== undefined,
      touches: this.#entries.flatMap((entry) => ('touch' in entry ? [touchOf(entry)] : [])),
      finishes: this.#entries.flatMap((entry) =>
        'finish' in entry ? [{ sequence: entry.sequence, path: entry.finish, length: entry.length }] : [],
      ),
    };
  }

  /** Begins an empty journal for an epoch, in place of any there is. `settled`: the batch of the state on disk, if there is one. */
  async begin(epoch: string, settled: number | undefined): Promise<void> {
    this.#entries = [];
    this.#settledMark = settled;
    this.#epoch = epoch;
    await this.#rewrite();
  }

  /** Must be done before a byte of these slices is written. */
  async touch(touches: readonly JournaledTouch[]): Promise<void> {
    await this.#append(
      touches.map(({ sequence, path, length, endMs }) => ({
        sequence,
        touch: path,
        length,
        endMs: Number.isFinite(endMs) ? endMs : null,
      })),
    );
  }

  /** Must be done before the slice gets its final name: whoever waits for that may take it away at once. */
  async finish({ sequence, path, length }: JournaledFinish): Promise<void> {
    await this.#append([{ sequence, finish: path, length }]);
  }

  /** A position with the state of that batch is on disk: what is older is over. */
  async settle(sequence: number): Promise<void> {
    const isFirst = this.#settledMark === undefined;
    this.#entries = this.#entries.filter((entry) => entry.sequence > sequence);
    this.#settledMark = sequence;
    if (this.#bytes > COMPACT_BYTES) await this.#rewrite();
    // Without the mark, a journal without a state means that nothing was ever settled, and its slices are cut back.
    else if (isFirst) await this.#append([{ settled: sequence }]);
  }

  async #read(): Promise<string | undefined> {
    try {
      const file = await this.#fileSystem.open(this.#path, 'r');
      try {
        return await file.readFile('utf8');
      } finally {
        await file.close();
      }
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #takeLine(line: string): void {
    const entry = parseEntry(line);
    if (entry === undefined) return;
    if ('epoch' in entry) this.#epoch = entry.epoch;
    else if ('settled' in entry) this.#settledMark = entry.settled;
    else this.#entries.push(entry);
  }

  async #append(entries: readonly Entry[]): Promise<void> {
    if ((await sizeOf(this.#fileSystem, this.#path)) === undefined) await this.#rewrite();
    // A line feed in front as well: half a line of an append that failed must not swallow this one.
    const text = `\n${entries.map((entry) => JSON.stringify(entry)).join('\n')}\n`;
    const file = await this.#fileSystem.open(this.#path, 'a', 0o640);
    try {
      await file.appendFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    this.#bytes += Buffer.byteLength(text);
    for (const entry of entries) if ('sequence' in entry) this.#entries.push(entry);
  }

  async #rewrite(): Promise<void> {
    const mark: Entry[] = this.#settledMark === undefined ? [] : [{ settled: this.#settledMark }];
    const header: Entry = { version: 1, epoch: this.#epoch };
    const text = [header, ...mark, ...this.#entries].map((entry) => `${JSON.stringify(entry)}\n`).join('');
    const made = await this.#fileSystem.mkdir(dirname(this.#path), { recursive: true, mode: 0o750 });
    await replaceFile(this.#fileSystem, this.#path, text);
    if (made !== undefined) await syncDirectory(this.#fileSystem, dirname(made));
    this.#bytes = Buffer.byteLength(text);
  }
}

function parseEntry(line: string): Entry | undefined {
  try {
    const parsed = entrySchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // Half a line: the append did not end, so nothing that it announces was done.
    return undefined;
  }
}

function touchOf(entry: Extract<Entry, { touch: string }>): JournaledTouch {
  const { sequence, touch, length, endMs } = entry;
  return { sequence, path: touch, length, endMs: endMs ?? Number.POSITIVE_INFINITY };
}
