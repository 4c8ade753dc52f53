import type { Batch } from '../batch.ts';
import { compressPiece } from './compression.ts';
import type { SliceCompression } from './compression.ts';
import { headBytesAt, headHashAt, headPathAt, headTimeMsAt, sameSlice } from './slice-head.ts';

/** Lines of output are gathered up to this size before they are compressed and written. */
export const PIECE_BYTES = 1024 * 1024;

/** The documents of a batch that belong to one slice. */
export interface SliceGroup {
  readonly path: string;
  /** `stageTimestamp` of its first event, ms. */
  readonly timeMs: number;
  /** Where its first document's head stands in the batch. */
  readonly headAt: number;
  readonly documents: number[];
}

export interface GroupedBatch {
  readonly groups: readonly SliceGroup[];
  /** `stageTimestamp` of the oldest event, ms. */
  readonly oldestMs: number;
}

/** Sorts the documents of a batch by slice. */
export function groupBySlice(batch: Batch): GroupedBatch {
  const { buffer, count } = batch;
  const groups: SliceGroup[] = [];
  const byHash = new Map<number, SliceGroup[]>();
  let oldestMs = Number.POSITIVE_INFINITY;
  let last: SliceGroup | undefined;
  for (let index = 0; index < count; index += 1) {
    const at = batch.documentStart(index);
    const timeMs = headTimeMsAt(buffer, at);
    if (timeMs < oldestMs) oldestMs = timeMs;
    if (last === undefined || !sameSlice(buffer, at, buffer, last.headAt)) {
      const sameHash = byHash.get(headHashAt(buffer, at)) ?? [];
      last = sameHash.find((group) => sameSlice(buffer, at, buffer, group.headAt));
      if (last === undefined) {
        last = { path: headPathAt(buffer, at), timeMs, headAt: at, documents: [] };
        groups.push(last);
        byHash.set(headHashAt(buffer, at), [...sameHash, last]);
      }
    }
    last.documents.push(index);
  }
  return { groups, oldestMs };
}

export interface PieceOptions {
  readonly compression: SliceCompression;
  /** Where lines are gathered; one larger than this is a piece by itself. */
  readonly scratch: Buffer;
}

/** The group's lines as they are written to the slice. A piece is valid until the next one is asked for. */
export async function* slicePieces(
  batch: Batch,
  group: SliceGroup,
  { compression, scratch }: PieceOptions,
): AsyncGenerator<Buffer> {
  let gathered = 0;
  for (const index of group.documents) {
    const at = batch.documentStart(index);
    const start = at + headBytesAt(batch.buffer, at);
    const end = batch.documentEnd(index);
    if (gathered > 0 && gathered + (end - start) > scratch.length) {
      yield await compressPiece(scratch.subarray(0, gathered), compression);
      gathered = 0;
    }
    if (end - start > scratch.length)
      yield await compressPiece(batch.buffer.subarray(start, end), compression);
    else gathered += batch.buffer.copy(scratch, gathered, start, end);
  }
  if (gathered > 0) yield await compressPiece(scratch.subarray(0, gathered), compression);
}
