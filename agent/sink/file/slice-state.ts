import * as z from 'zod';

/**
 * What the sink knows of its slices as of a batch. It is stored with the position, so that after a crash each slice can be cut back to
 * what the position covers: the events behind it will be sent again.
 */
export interface SliceState {
  /** Tells this run of numbers from one before the state was lost. */
  readonly epoch: string;
  /** Batches delivered. */
  readonly sequence: number;
  readonly slices: readonly RecordedSlice[];
}

export interface RecordedSlice {
  readonly path: string;
  readonly length: number;
  /** Infinity where the path names no time. */
  readonly endMs: number;
}

// One short array a slice: there may be hundreds, and the state is written with every position. No end is null, as JSON has no Infinity.
const sliceEntry = z.tuple([z.string().min(1), z.int().min(0), z.number().nullable()]);

const stateDocument = z.object({
  version: z.literal(1),
  epoch: z.string().min(1),
  sequence: z.int().min(0),
  slices: z.array(sliceEntry),
});

export function formatSliceState({ epoch, sequence, slices }: SliceState): z.output<typeof stateDocument> {
  return {
    version: 1,
    epoch,
    sequence,
    slices: slices.map(({ path, length, endMs }) => [path, length, Number.isFinite(endMs) ? endMs : null]),
  };
}

/** Undefined where it is no state of this sink. */
export function parseSliceState(value: unknown): SliceState | undefined {
  const parsed = stateDocument.safeParse(value);
  if (!parsed.success) return undefined;
  const { epoch, sequence, slices } = parsed.data;
  return {
    epoch,
    sequence,
    slices: slices.map(([path, length, endMs]) => ({
      path,
      length,
      endMs: endMs ?? Number.POSITIVE_INFINITY,
    })),
  };
}
