import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import type { Backlog } from './backlog.ts';
import type { FileCursor } from './file-cursor.ts';
import { isMissing } from './file-problem.ts';

/** A file that other tools renamed may still be written to: it is finished when it has not grown for so long. */
const QUIET_MS = 5_000;
const LOOK_INTERVAL_MS = 1_000;

/** What it means that a cursor has come to the end of what its file holds. */
export type EndVerdict =
  /** More is there by now. */
  | 'again'
  | 'wait'
  | 'finished'
  /** The open file is what the log's path named and is in no directory any more; nothing has taken its place. */
  | 'unlinked'
  /** The file is shorter than it was, but begins as it did. */
  | 'cut'
  /** The file begins otherwise than it did. */
  | 'replaced'
  /** An archive that ended early has changed since: read it again. */
  | 'reopen'
  /** An archive that ends early or wrongly, and stays so. */
  | 'damaged';

export interface EndContext {
  readonly path: string;
  readonly backlog: Backlog;
  readonly clock: Clock;
}

export function judgeEnd(cursor: FileCursor, context: EndContext, signal: AbortSignal): Promise<EndVerdict> {
  return cursor.open.compressed
    ? judgeArchiveEnd(cursor, context, signal)
    : judgePlainEnd(cursor, context, signal);
}

async function judgePlainEnd(
  cursor: FileCursor,
  context: EndContext,
  signal: AbortSignal,
): Promise<EndVerdict> {
  // The path first: what was written before it named another file shows in the size that is asked for after it.
  const live = await statOrMissing(context.path);
  const stats = await cursor.open.stat();
  const sizeBytes = Number(stats.size);
  noteSize(cursor, sizeBytes, context.clock);
  if (sizeBytes < cursor.endOffset) return (await cursor.unchanged()) ? 'cut' : 'replaced';
  const isLive = live !== undefined && cursor.open.isSame(live);
  if (live !== undefined) cursor.wasLive = isLive;
  if (sizeBytes > cursor.endOffset) return cursor.mayHoldMore(sizeBytes, isLive) ? 'again' : 'wait';
  if (isLive) return 'wait';
  if (live === undefined && stats.nlink === 0n && cursor.wasLive) return 'unlinked';
  return judgeRenamed(cursor, { ...context, live, stats }, signal);
}

async function judgeRenamed(
  cursor: FileCursor,
  context: EndContext & { live: BigIntStats | undefined; stats: BigIntStats },
  signal: AbortSignal,
): Promise<EndVerdict> {
  const { backlog, live } = context;
  const moved = backlog.live?.inode !== live?.ino || backlog.live?.device !== live?.dev;
  if ((moved || backlog.isOlderThan(LOOK_INTERVAL_MS)) && !(await backlog.look(signal))) return 'wait';
  const entry = backlog.findInode(cursor.open) ?? backlog.find(cursor.file.fingerprint);
  if (entry?.name.rotatedAtMs !== undefined) cursor.closedByWriter = true;
  if (!cursor.finished && !backlog.hasLater()) return 'wait';
  if (cursor.closedByWriter && cursor.offset >= cursor.endOffset) return 'finished';
  return isQuiet(cursor, context.stats, context.clock) ? 'finished' : 'wait';
}

async function judgeArchiveEnd(
  cursor: FileCursor,
  context: EndContext,
  signal: AbortSignal,
): Promise<EndVerdict> {
  if (cursor.ending === 'complete') return 'finished';
  const { backlog, clock } = context;
  const stats = await cursor.open.stat();
  const sizeBytes = Number(stats.size);
  noteSize(cursor, sizeBytes, clock);
  cursor.archiveBytes ??= cursor.ending === 'cut-short' ? cursor.storedOffset : sizeBytes;
  if (backlog.isOlderThan(LOOK_INTERVAL_MS) && !(await backlog.look(signal))) return 'wait';
  const other = backlog.find(cursor.file.fingerprint);
  if (other !== undefined && other.inode !== cursor.open.inode) return 'replaced';
  if (!isQuiet(cursor, stats, clock)) return 'wait';
  return sizeBytes === cursor.archiveBytes ? 'damaged' : 'reopen';
}

function noteSize(cursor: FileCursor, sizeBytes: number, clock: Clock): void {
  if (cursor.sizeBytes !== sizeBytes) cursor.quietSinceMs = undefined;
  cursor.sizeBytes = sizeBytes;
  cursor.quietSinceMs ??= clock.monotonicMs();
}

/** By what was seen, or, for a file met long after it was written, by its own time. */
function isQuiet(cursor: FileCursor, stats: BigIntStats, clock: Clock): boolean {
  const sinceMs = cursor.quietSinceMs ?? Number.POSITIVE_INFINITY;
  return clock.monotonicMs() - sinceMs >= QUIET_MS || clock.nowMs() - Number(stats.mtimeMs) >= QUIET_MS;
}

async function statOrMissing(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
