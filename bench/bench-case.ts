/** One figure of the bench and what it may be at most. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: '×' | 'MB' | 's';
  /** Absent where the figure is told but not limited. */
  readonly budget?: number;
  /** How the figure came about, in a few words. */
  readonly note: string;
}

export interface BenchContext {
  /** An empty directory of the case's own, removed afterwards. */
  readonly directory: string;
  /** Size of the log of the CPU cases; catching up uses four times as much. */
  readonly sizeBytes: number;
  /** How often the CPU cases are repeated; their median counts. */
  readonly runs: number;
  readonly signal: AbortSignal;
}

export interface BenchCase {
  readonly name: string;
  run(context: BenchContext): Promise<readonly Figure[]>;
}

const BYTES_PER_MEGABYTE = 1_000_000;

export function megabytes(bytes: number): number {
  return bytes / BYTES_PER_MEGABYTE;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
