import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { syncDirectory } from '../../checkpoint/durable-file.ts';
import type { SliceCompression } from './compression.ts';
import { endsWhole } from './ends-whole.ts';
import { sizeOf } from './file-system.ts';
import type { SliceFileSystem } from './file-system.ts';
import { newSlice, numberedPath } from './slice.ts';
import type { Slice } from './slice.ts';
import { SliceFiles } from './slice-files.ts';
import { SliceJournal } from './slice-journal.ts';
import { recoverSlices, reopen, setAside } from './slice-recovery.ts';
import type { SliceState } from './slice-state.ts';

/** How long a slice waits for late events after its time is over, and how long one is kept in mind that nothing is written to. */
const GRACE_MS = 60_000;

/** Slices of which it is remembered that they end where they should. */
const MAX_FORGOTTEN = 4096;

export type SliceEvent =
  | { kind: 'slice-opened'; path: string }
  | { kind: 'slice-finished'; path: string; bytes: number }
  | { kind: 'slice-missing'; path: string; bytes: number };

export interface SliceSetOptions {
  readonly journalPath: string;
  readonly compression: SliceCompression;
  readonly fileSystem: SliceFileSystem;
  readonly nowMs: () => number;
  readonly emit: (event: SliceEvent) => void;
}

/** A slice and what a batch adds to it. */
export interface SliceAddition {
  readonly path: string;
  readonly endMs: number;
  /** The pieces to write, one at a time. */
  readonly pieces: () => AsyncIterable<Buffer>;
}

/**
 * The slices that are not finished: their lengths, the state that goes with a position, and the way from begun to finished. One call
 * at a time, but for `sync`.
 */
export class SliceSet {
  readonly #options: SliceSetOptions;
  readonly #files: SliceFiles;
  readonly #journal: SliceJournal;
  readonly #slices = new Map<string, Slice>();
  #state: SliceState | undefined;
  #epoch = '';
  #sequence = 0;
  #recovered = false;
  /** Slices that were let go of, with their lengths. */
  readonly #forgotten = new Map<string, number>();

  constructor(options: SliceSetOptions) {
    this.#options = options;
    this.#files = new SliceFiles(options.fileSystem);
    this.#journal = new SliceJournal(options.journalPath, options.fileSystem);
  }

  /** State of the last position; undefined where there is none. The file system is not asked before `recover`. */
  start(state: SliceState | undefined): void {
    this.#state = state;
  }

  /** Cuts the slices back to the state. Once it has worked, it does nothing. */
  async recover(): Promise<void> {
    if (this.#recovered) return;
    const { fileSystem, nowMs, emit } = this.#options;
    const journal = await this.#journal.load();
    // Without a mark nothing was ever settled, so the absence of a state is what is on record, and not a loss.
    const unsettled = journal === undefined || journal.settled ? undefined : emptyState(journal.epoch);
    const state = this.#state ?? unsettled ?? emptyState(randomBytes(8).toString('hex'));
    const onMissing = (path: string, bytes: number): void => emit({ kind: 'slice-missing', path, bytes });
    const slices = await recoverSlices(state, journal, { fileSystem, nowMs, onMissing });
    if (journal?.epoch !== state.epoch) await this.#journal.begin(state.epoch, this.#state?.sequence);
    else if (this.#state !== undefined) await this.#journal.settle(state.sequence);
    this.#epoch = state.epoch;
    this.#sequence = state.sequence;
    for (const slice of slices) this.#slices.set(slice.path, slice);
    this.#recovered = true;
  }

  /** Adds a batch to its slices: all of it, or, where this rejects, nothing. */
  async add(additions: readonly SliceAddition[]): Promise<SliceState> {
    await this.recover();
    const slices = await this.#enter(additions);
    const added: { slice: Slice; bytes: number }[] = [];
    try {
      for (const [index, addition] of additions.entries()) {
        const slice = slices[index];
        if (slice === undefined) continue;
        const entry = { slice, bytes: 0 };
        added.push(entry);
        if (slice.mustBeCut) await this.#cut(slice);
        for await (const piece of addition.pieces()) {
          await this.#files.write(slice, piece, slice.length + entry.bytes);
          entry.bytes += piece.length;
        }
      }
    } catch (error) {
      await this.#takeBack(added.map(({ slice }) => slice));
      throw error;
    }
    return this.#commit(added);
  }

  /** May run beside other calls. Returns the slices whose files are gone; the caller hands them to `lose`. */
  sync(): Promise<Slice[]> {
    return this.#files.sync();
  }

  /** Somebody has deleted the files of these slices under the sink: says so, and begins them anew when they are met again. */
  async lose(slices: readonly Slice[]): Promise<void> {
    for (const slice of slices) {
      if (this.#slices.get(slice.path) !== slice) continue;
      this.#slices.delete(slice.path);
      await this.#files.drop(slice);
      this.#options.emit({ kind: 'slice-missing', path: slice.path, bytes: slice.length });
    }
  }

  /** A position with this state is on disk. */
  async settle(state: SliceState): Promise<void> {
    if (state.epoch !== this.#epoch) return;
    for (const { path, length } of state.slices) {
      const slice = this.#slices.get(path);
      if (slice !== undefined) slice.settledLength = length;
    }
    await this.#journal.settle(state.sequence);
  }

  /**
   * Finishes the slices whose time is over and that are wholly covered by the position on disk. `reachedMs`: no event of the last
   * batch was older.
   */
  async finishDue(reachedMs: number): Promise<void> {
    const nowMs = this.#options.nowMs();
    for (const slice of this.#slices.values()) {
      if (slice.settledLength !== slice.length) continue;
      if (slice.mustBeCut) await this.#cut(slice);
      const isQuiet = nowMs - slice.lastWriteMs >= GRACE_MS;
      if (slice.file === slice.path) {
        if (isQuiet) await this.#forget(slice);
      } else if (reachedMs >= slice.endMs + GRACE_MS || (isQuiet && nowMs >= slice.endMs + GRACE_MS)) {
        await this.#finish(slice);
      }
    }
  }

  close(): Promise<void> {
    return this.#files.closeAll();
  }

  /** Finds or begins the slices of a batch, and has the journal name those that no state names yet. */
  async #enter(additions: readonly SliceAddition[]): Promise<Slice[]> {
    const missing = additions.filter(({ path }) => !this.#slices.has(path));
    const begun: { slice: Slice; isFinished: boolean }[] = [];
    for (const { path, endMs } of missing) begun.push(await this.#look(path, endMs));
    const sequence = this.#sequence + 1;
    if (begun.length > 0) await this.#journal.touch(begun.map(({ slice }) => ({ ...slice, sequence })));
    for (const { slice, isFinished } of begun) {
      if (isFinished) await reopen(this.#options.fileSystem, slice.path);
      this.#slices.set(slice.path, slice);
      this.#options.emit({ kind: 'slice-opened', path: slice.path });
    }
    return additions.flatMap(({ path }) => this.#slices.get(path) ?? []);
  }

  /** What is there of a slice that no state names. */
  async #look(path: string, endMs: number): Promise<{ slice: Slice; isFinished: boolean }> {
    const { fileSystem, nowMs } = this.#options;
    const slice = newSlice(path, endMs, nowMs());
    const open = await sizeOf(fileSystem, slice.file);
    if (open !== undefined) {
      if (await this.#isSound(slice, open)) slice.length = open;
      else await setAside(slice.file, this.#options);
      return { slice, isFinished: false };
    }
    const finished = slice.file === path ? undefined : await sizeOf(fileSystem, path);
    slice.length = finished ?? 0;
    return { slice, isFinished: finished !== undefined };
  }

  /** Whether more may be put behind what stands in the file of a slice that no state names: it may end in the middle of a write. */
  async #isSound(slice: Slice, bytes: number): Promise<boolean> {
    const { compression } = this.#options;
    if (this.#forgotten.get(slice.path) === bytes) return true;
    // With a state, every slice that was written to after it has been cut back; a gzip slice would have to be read from its start.
    if (this.#state !== undefined && slice.file === slice.path && compression === 'gzip') return true;
    return endsWhole(slice.file, compression);
  }

  #commit(added: readonly { slice: Slice; bytes: number }[]): SliceState {
    const nowMs = this.#options.nowMs();
    for (const { slice, bytes } of added) {
      slice.length += bytes;
      slice.lastWriteMs = nowMs;
    }
    this.#sequence += 1;
    const slices = [...this.#slices.values()].map(({ path, length, endMs }) => ({ path, length, endMs }));
    return { epoch: this.#epoch, sequence: this.#sequence, slices };
  }

  async #cut(slice: Slice): Promise<void> {
    await this.#files.cut(slice);
    slice.mustBeCut = false;
  }

  /** Cuts off what a failed batch has left; what cannot be cut now is cut before the next write. */
  async #takeBack(slices: readonly Slice[]): Promise<void> {
    for (const slice of slices) {
      slice.mustBeCut = true;
      await this.#cut(slice).catch(() => {});
    }
  }

  async #forget(slice: Slice): Promise<void> {
    await this.#files.release(slice);
    this.#slices.delete(slice.path);
    if (this.#forgotten.size >= MAX_FORGOTTEN) this.#forgotten.clear();
    this.#forgotten.set(slice.path, slice.length);
  }

  async #finish(slice: Slice): Promise<void> {
    const { fileSystem, emit } = this.#options;
    await this.#files.release(slice);
    if (slice.length === 0) {
      if ((await sizeOf(fileSystem, slice.file)) !== undefined) await fileSystem.unlink(slice.file);
    } else {
      const path = await this.#finalPath(slice.path);
      await this.#journal.finish({ sequence: this.#sequence, path: slice.path, length: slice.length });
      await fileSystem.rename(slice.file, path);
      await syncDirectory(fileSystem, dirname(path));
      emit({ kind: 'slice-finished', path, bytes: slice.length });
    }
    this.#slices.delete(slice.path);
  }

  /** The slice's own name, or a numbered one where somebody has put another file there: nothing is written over. */
  async #finalPath(path: string): Promise<string> {
    let free = path;
    for (let number = 1; (await sizeOf(this.#options.fileSystem, free)) !== undefined; number += 1)
      free = numberedPath(path, number);
    return free;
  }
}

function emptyState(epoch: string): SliceState {
  return { epoch, sequence: 0, slices: [] };
}
