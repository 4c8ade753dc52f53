import { open } from 'node:fs/promises';
import { isSystemError } from '../errors.ts';
import type { LogEntry } from './directory.ts';

/** Bytes compared: the end of the shorter file. Lines of different requests differ within any one of them. */
const COMPARED_BYTES = 4096;

/**
 * Whether two plain files that begin with the same line are nevertheless two files: the shorter one does not stand in the longer one. A
 * file is known by its first line, so one of them cannot be read, and that must be said. False where it cannot be known.
 */
export async function areLookAlikes(one: LogEntry, other: LogEntry): Promise<boolean> {
  const end = Math.min(one.sizeBytes, other.sizeBytes);
  const start = Math.max(0, end - COMPARED_BYTES);
  const length = end - start;
  try {
    const [left, right] = await Promise.all([
      readRange(one.path, start, length),
      readRange(other.path, start, length),
    ]);
    return left.length === length && right.length === length && !left.equals(right);
  } catch (error) {
    // Renamed or removed meanwhile: the next look decides.
    if (isSystemError(error)) return false;
    throw error;
  }
}

async function readRange(path: string, start: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
