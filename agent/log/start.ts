import { basename } from 'node:path';
import type { Clock } from '../clock.ts';
import type { LogError } from '../errors.ts';
import { Backlog } from './backlog.ts';
import type { LogEntry } from './directory.ts';
import { parseLogFileName } from './file-name.ts';
import { isMissing, toLogError } from './file-problem.ts';
import type { LogPosition } from './log.ts';
import { OpenFile } from './open-file.ts';

const READ_BYTES = 256 * 1024;
const LINE_FEED = 10;

type ChosenStart =
  | { status: 'position'; position: LogPosition }
  /** Nothing is there yet that a position could name: whatever comes is read from its beginning. */
  | { status: 'nothing-there' }
  /** It cannot be chosen now. */
  | { status: 'unknown'; error: LogError | undefined };

/**
 * Turns `startAt: end` into a position that can be put on record before the first read: after the last line feed of the live file or,
 * where that holds none yet, the end of the newest backup.
 */
export async function resolveLogEnd(path: string, clock: Clock, signal: AbortSignal): Promise<ChosenStart> {
  const backlog = new Backlog(path, clock);
  try {
    if (!(await backlog.look(signal))) return { status: 'unknown', error: undefined };
    return await chooseEnd(backlog.files, signal);
  } catch (error) {
    if (isMissing(error)) return { status: 'nothing-there' };
    return { status: 'unknown', error: toLogError(path, error) };
  }
}

async function chooseEnd(files: readonly LogEntry[], signal: AbortSignal): Promise<ChosenStart> {
  for (const entry of files.toReversed()) {
    const { identity, path, inode, name } = entry;
    if (identity.status === 'unreadable') return { status: 'unknown', error: identity.error };
    if (identity.status !== 'line' || (name.live && !identity.complete)) continue;
    const offset = await endOf(entry, signal);
    if (offset === undefined) return { status: 'unknown', error: undefined };
    const file = { fingerprint: identity.fingerprint, path, inode: Number(inode) };
    return { status: 'position', position: { file, offset } };
  }
  return { status: 'nothing-there' };
}

/** Just past the last line feed of the live file, or the end of a backup; undefined where it was not read to its end. */
async function endOf(entry: LogEntry, signal: AbortSignal): Promise<number | undefined> {
  const file = await OpenFile.open(entry.path, entry.name.compressed);
  const reader = file.createReader();
  try {
    // Renamed since it was listed.
    if (file.inode !== entry.inode || file.device !== entry.device) return undefined;
    const piece = Buffer.allocUnsafeSlow(READ_BYTES);
    let afterLineFeed = 0;
    while (!signal.aborted) {
      const at = reader.position;
      const bytes = await reader.read(piece, 0, piece.length);
      if (bytes === 0) return entry.name.live ? afterLineFeed : reader.position;
      const lineFeed = piece.subarray(0, bytes).lastIndexOf(LINE_FEED);
      if (lineFeed >= 0) afterLineFeed = at + lineFeed + 1;
    }
    return undefined;
  } finally {
    reader.close();
    await file.close();
  }
}

/** The files that are certainly older than a file that is gone: rotated no later than it, where its path tells when that was. */
export function olderThan(files: readonly LogEntry[], gone: LogPosition, livePath: string): LogEntry[] {
  const goneAtMs = parseLogFileName(basename(livePath), basename(gone.file.path))?.rotatedAtMs;
  if (goneAtMs === undefined) return [];
  return files.filter(({ name }) => name.rotatedAtMs !== undefined && name.rotatedAtMs <= goneAtMs);
}
