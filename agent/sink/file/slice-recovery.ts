import { dirname } from 'node:path';
import { syncDirectory } from '../../checkpoint/durable-file.ts';
import { sizeOf } from './file-system.ts';
import type { SliceFileSystem } from './file-system.ts';
import { newSlice, PARTIAL } from './slice.ts';
import type { Slice } from './slice.ts';
import type { JournalContent, JournaledTouch } from './slice-journal.ts';
import type { RecordedSlice, SliceState } from './slice-state.ts';

export interface RecoveryOptions {
  readonly fileSystem: SliceFileSystem;
  readonly nowMs: () => number;
  /** Told of a slice that holds fewer bytes than were delivered to it. */
  readonly onMissing: (path: string, missingBytes: number) => void;
}

/**
 * Brings the slices back to what the state says: what was written after it will be sent again. May be repeated after it failed
 * half-way. Returns the slices that are not finished.
 */
export async function recoverSlices(
  state: SliceState,
  journal: JournalContent | undefined,
  options: RecoveryOptions,
): Promise<Slice[]> {
  const slices: Slice[] = [];
  for (const recorded of state.slices) {
    const slice = await restore(recorded, journal, options);
    if (slice !== undefined) slices.push(slice);
  }
  for (const touch of touchesAfter(state, journal)) {
    const slice = await undo(touch, options);
    if (slice !== undefined) slices.push(slice);
  }
  return slices;
}

/** For each slice begun or opened again after the state: how it was before that. */
function touchesAfter(state: SliceState, journal: JournalContent | undefined): JournaledTouch[] {
  if (journal?.epoch !== state.epoch) return [];
  const seen = new Set(state.slices.map((slice) => slice.path));
  return journal.touches.filter(({ path, sequence }) => {
    if (sequence <= state.sequence || seen.has(path)) return false;
    seen.add(path);
    return true;
  });
}

async function restore(
  recorded: RecordedSlice,
  journal: JournalContent | undefined,
  options: RecoveryOptions,
): Promise<Slice | undefined> {
  const { fileSystem, onMissing } = options;
  const { path, length, endMs } = recorded;
  const slice = newSlice(path, endMs, options.nowMs());
  const bytes = await sizeOf(fileSystem, slice.file);
  if (bytes !== undefined && bytes >= length) {
    if (bytes > length) await cutFile(fileSystem, slice.file, length);
    slice.length = length;
    slice.settledLength = length;
    return slice;
  }
  if (bytes !== undefined) {
    onMissing(path, length - bytes);
    await setAside(slice.file, options);
    return undefined;
  }
  return restoreFinished(slice, recorded, { ...options, journal });
}

/** The slice is not there under the name it is written to: it was finished after the state, or it is gone. */
async function restoreFinished(
  slice: Slice,
  { path, length }: RecordedSlice,
  options: RecoveryOptions & { readonly journal: JournalContent | undefined },
): Promise<Slice | undefined> {
  const { fileSystem, onMissing, journal } = options;
  // Whoever collects finished slices may have taken it.
  if (journal?.finishes.some((one) => one.path === path && one.length === length) === true) return undefined;
  const bytes = slice.file === path ? undefined : await sizeOf(fileSystem, path);
  if (bytes === length) return undefined;
  if (bytes === undefined || bytes < length) {
    if (length > 0) onMissing(path, length - (bytes ?? 0));
    return undefined;
  }
  // The state is older than the slice's end, as after a restored backup.
  await reopen(fileSystem, path);
  await cutFile(fileSystem, slice.file, length);
  slice.length = length;
  slice.settledLength = length;
  return slice;
}

async function undo(touch: JournaledTouch, options: RecoveryOptions): Promise<Slice | undefined> {
  const { fileSystem } = options;
  const slice = newSlice(touch.path, touch.endMs, options.nowMs());
  let bytes = await sizeOf(fileSystem, slice.file);
  if (bytes === undefined && slice.file !== slice.path) {
    bytes = await sizeOf(fileSystem, slice.path);
    if (bytes !== undefined) await reopen(fileSystem, slice.path);
  }
  if (bytes === undefined) return undefined;
  if (touch.length === 0) {
    await fileSystem.unlink(slice.file);
    return undefined;
  }
  if (bytes > touch.length) await cutFile(fileSystem, slice.file, touch.length);
  slice.length = Math.min(bytes, touch.length);
  return slice;
}

/** Gives a finished slice back the name of one that is written to. */
export async function reopen(fileSystem: SliceFileSystem, path: string): Promise<void> {
  await fileSystem.rename(path, path + PARTIAL);
  await syncDirectory(fileSystem, dirname(path));
}

/** Moves a slice out of the way that nothing can be put behind. */
export async function setAside(
  file: string,
  { fileSystem, nowMs }: Pick<RecoveryOptions, 'fileSystem' | 'nowMs'>,
): Promise<void> {
  const stamp = new Date(nowMs()).toISOString().replaceAll(':', '-');
  await fileSystem.rename(file, `${file}.damaged-${stamp}`);
  await syncDirectory(fileSystem, dirname(file));
}

async function cutFile(fileSystem: SliceFileSystem, path: string, length: number): Promise<void> {
  const file = await fileSystem.open(path, 'r+');
  try {
    await file.truncate(length);
    await file.datasync();
  } finally {
    await file.close();
  }
}
