import { type FileHandle, mkdir, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { realFileSystem, syncDirectory } from '../../checkpoint/durable-file.ts';
import type { DurableFileSystem } from '../../checkpoint/durable-file.ts';
import type { Clock } from '../../clock.ts';
import { CheckpointError, errorCode, errorText, isSystemError } from '../../errors.ts';
import { InTurn } from '../../in-turn.ts';
import type { ShipperLabels, Telemetry } from '../../telemetry/events.ts';
import { encodeEntry } from './dead-letter-entry.ts';
import type { DeadLetter, EncodedEntry } from './dead-letter-entry.ts';
import { readKnownLetters } from './known-letters.ts';
import type { KnownLetters } from './known-letters.ts';
import { cutTornLine } from './torn-line.ts';

export type { DeadLetter } from './dead-letter-entry.ts';

/** Files of the store: `<log>.<sink>.ndjson`. */
export const DEAD_LETTER_SUFFIX = '.ndjson';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Entries are gathered up to this size for one write. */
const WRITE_BYTES = 1024 * 1024;

/** How often it is looked whether somebody made room. */
const ROOM_POLL_MS = 1_000;

export interface DeadLetterStoreOptions {
  readonly directory: string;
  /** Bytes of all files together. */
  readonly maxBytes: number;
  readonly telemetry: Telemetry;
  readonly clock: Pick<Clock, 'nowMs' | 'delay'>;
  /** Replaced in crash tests. */
  readonly fileSystem?: DurableFileSystem;
}

/** Letters that are still to be written, with their bytes. */
interface Pending {
  readonly letter: DeadLetter;
  readonly entry: EncodedEntry;
}

type Attempt =
  /** Some were written, perhaps all. */
  { status: 'written'; count: number } | { status: 'full' } | { status: 'failed'; detail: string };

/**
 * Where lines go that a sink will never take. Bounded, and never drops: where there is no room, `write` waits until somebody has looked
 * at the letters and removed some. One store for all shippers.
 */
export class DeadLetterStore {
  readonly #options: DeadLetterStoreOptions;
  readonly #fileSystem: DurableFileSystem;
  readonly #inTurn = new InTurn();
  /** By shipper. */
  readonly #known = new Map<string, KnownLetters>();

  private constructor(options: DeadLetterStoreOptions) {
    this.#options = options;
    this.#fileSystem = options.fileSystem ?? realFileSystem;
  }

  /** Makes the directory and cuts off what a crash has torn. Rejects with CHECKPOINT_WRITE where the directory cannot be used. */
  static async open(options: DeadLetterStoreOptions): Promise<DeadLetterStore> {
    const store = new DeadLetterStore(options);
    try {
      const made = await mkdir(options.directory, { recursive: true, mode: DIRECTORY_MODE });
      if (made !== undefined) await syncDirectory(store.#fileSystem, dirname(made));
      for (const path of await store.#files()) await cutTornLine(store.#fileSystem, path);
    } catch (error) {
      const text = `the dead letter directory ${options.directory} cannot be used`;
      throw new CheckpointError('CHECKPOINT_WRITE', text, { cause: error });
    }
    return store;
  }

  /**
   * Resolves with true once the letters are on disk for good; only then may their lines be settled. Waits while there is no room or the
   * disk refuses, and resolves with false when the signal aborts meanwhile. `onBlocked` is told why each time it has to wait.
   */
  async write(
    labels: ShipperLabels,
    letters: readonly DeadLetter[],
    signal: AbortSignal,
    onBlocked: (detail: string) => void = () => {},
  ): Promise<boolean> {
    const { telemetry, maxBytes, clock } = this.#options;
    let pending: Pending[] | undefined;
    for (;;) {
      if (signal.aborted) return false;
      const attempt = await this.#inTurn.run(async (): Promise<Attempt> => {
        try {
          pending ??= await this.#encode(labels, letters);
          return await this.#writeSome(labels, pending);
        } catch (error) {
          if (!isSystemError(error)) throw error;
          return { status: 'failed', detail: errorText(error) };
        }
      });
      if (attempt.status === 'written') {
        pending?.splice(0, attempt.count);
        if (pending === undefined || pending.length === 0) return true;
        continue;
      }
      if (attempt.status === 'full') {
        onBlocked(
          `the dead letters are larger than ${maxBytes} bytes with the next one (deadLetter.maxBytes)`,
        );
        telemetry.emit({ kind: 'dead-letter-full', maxBytes, ...labels });
      } else {
        const { detail } = attempt;
        onBlocked(`a dead letter cannot be written: ${detail}`);
        telemetry.emit({ kind: 'dead-letter-write-failed', detail, ...labels });
      }
      await clock.delay(ROOM_POLL_MS, signal);
    }
  }

  /** Leaves out what is on disk already. */
  async #encode(labels: ShipperLabels, letters: readonly DeadLetter[]): Promise<Pending[]> {
    const known = await this.#knownLetters(labels);
    const time = new Date(this.#options.clock.nowMs()).toISOString();
    return letters.flatMap((letter) => {
      if (known.has(letter.range)) return [];
      const head = { ...labels, ...letter, time };
      const entry = encodeEntry(head, letter.line);
      // One that can never fit is kept by reference, as an overlong line is.
      const fits = entry.bytes <= this.#options.maxBytes;
      return [{ letter, entry: fits ? entry : encodeEntry(head, undefined) }];
    });
  }

  async #knownLetters(labels: ShipperLabels): Promise<KnownLetters> {
    const path = this.#path(labels);
    const id = JSON.stringify([labels.log, labels.sink]);
    const known =
      this.#known.get(id) ?? (await readKnownLetters(path, { fileBytes: await sizeOf(path), labels }));
    this.#known.set(id, known);
    return known;
  }

  /** Writes as many as there is room for: in one go, durable when it returns. */
  async #writeSome(labels: ShipperLabels, pending: readonly Pending[]): Promise<Attempt> {
    if (pending.length === 0) return { status: 'written', count: 0 };
    const room = this.#options.maxBytes - (await this.#usedBytes());
    let bytes = 0;
    let count = 0;
    for (const { entry } of pending) {
      if (bytes + entry.bytes > room) break;
      bytes += entry.bytes;
      count += 1;
    }
    if (count === 0) return { status: 'full' };
    const written = pending.slice(0, count);
    await this.#append(this.#path(labels), written);
    const known = await this.#knownLetters(labels);
    for (const { letter, entry } of written) {
      const { telemetry } = this.#options;
      known.add(letter.range);
      telemetry.emit({ kind: 'dead-letter-written', reason: letter.reason, bytes: entry.bytes, ...labels });
    }
    return { status: 'written', count };
  }

  async #append(path: string, pending: readonly Pending[]): Promise<void> {
    await cutTornLine(this.#fileSystem, path);
    const sizeBefore = await sizeOf(path);
    // Opened anew each time: somebody may have taken the file away, and letters written to a file without a name are lost.
    const file = await this.#fileSystem.open(path, 'a', FILE_MODE);
    try {
      try {
        for (const piece of gathered(pending)) await writeAll(file, piece);
        await file.sync();
      } catch (error) {
        await file.truncate(sizeBefore);
        throw error;
      }
    } finally {
      await file.close();
    }
    if (sizeBefore === 0) await syncDirectory(this.#fileSystem, dirname(path));
  }

  async #usedBytes(): Promise<number> {
    let bytes = 0;
    for (const path of await this.#files()) bytes += await sizeOf(path);
    return bytes;
  }

  async #files(): Promise<string[]> {
    const names = await readdir(this.#options.directory);
    return names
      .filter((name) => name.endsWith(DEAD_LETTER_SUFFIX))
      .map((name) => join(this.#options.directory, name));
  }

  #path({ log, sink }: ShipperLabels): string {
    return join(this.#options.directory, basename(`${log}.${sink}${DEAD_LETTER_SUFFIX}`));
  }
}

/** The entries in as few pieces as possible; each is valid until the next one is asked for. */
function* gathered(pending: readonly Pending[]): Generator<Buffer> {
  const total = pending.reduce((sum, { entry }) => sum + entry.bytes, 0);
  const buffer = Buffer.allocUnsafe(Math.min(total, WRITE_BYTES));
  let length = 0;
  for (const { entry } of pending) {
    for (const piece of entry.pieces()) {
      for (let at = 0; at < piece.length;) {
        const copied = piece.copy(buffer, length, at);
        at += copied;
        length += copied;
        if (length < buffer.length) continue;
        yield buffer;
        length = 0;
      }
    }
  }
  if (length > 0) yield buffer.subarray(0, length);
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}
