import { basename, dirname, join } from 'node:path';

/** Put behind the name of a slice that is still written to. */
export const PARTIAL = '.partial';

/** One output file of the sink: the events of one span of time and one combination of values. */
export interface Slice {
  /** Its name once it is finished. */
  readonly path: string;
  /** The file that is written to: `<path>.partial`, or `path` itself where the path names no time and no slice is ever finished. */
  readonly file: string;
  /** When its span of time ends, ms since the epoch; Infinity where the path names no time. */
  readonly endMs: number;
  /** Bytes of it that belong to delivered batches. */
  length: number;
  /** Its length in the state of the last position on disk; -1 while that does not name it. */
  settledLength: number;
  /** When it was last written to, ms since the epoch. */
  lastWriteMs: number;
  /** Whether bytes of a batch that failed may stand behind `length`. */
  mustBeCut: boolean;
}

export function newSlice(path: string, endMs: number, nowMs: number): Slice {
  const file = endMs === Number.POSITIVE_INFINITY ? path : path + PARTIAL;
  return { path, file, endMs, length: 0, settledLength: -1, lastWriteMs: nowMs, mustBeCut: false };
}

/** `audit-2026112101.ndjson.gz` and 2 make `audit-2026112101.2.ndjson.gz`. */
export function numberedPath(path: string, number: number): string {
  const name = basename(path);
  const extensions = /(?:\.[A-Za-z][A-Za-z0-9]*)*$/.exec(name)?.[0] ?? '';
  const stem = name.slice(0, name.length - extensions.length);
  return join(dirname(path), `${stem}.${number}${extensions}`);
}
