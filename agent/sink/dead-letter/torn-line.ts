import type { FileHandle } from 'node:fs/promises';
import type { DurableFileSystem } from '../../checkpoint/durable-file.ts';
import { errorCode } from '../../errors.ts';

const LINE_FEED = 0x0a;
const STEP_BYTES = 64 * 1024;

/**
 * Cuts a last line off that has no line feed: a crash has torn it, and what is written behind it would be lost with it. Does nothing
 * where there is no file.
 */
export async function cutTornLine(fileSystem: DurableFileSystem, path: string): Promise<void> {
  const file = await openIfThere(fileSystem, path);
  if (file === undefined) return;
  try {
    const { size } = await file.stat();
    const end = await endOfLastLine(file, size);
    if (end === size) return;
    await file.truncate(end);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function openIfThere(fileSystem: DurableFileSystem, path: string): Promise<FileHandle | undefined> {
  try {
    return await fileSystem.open(path, 'r+');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Just past the last line feed; 0 where there is none. */
async function endOfLastLine(file: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.alloc(Math.min(size, STEP_BYTES));
  // The last byte first: it is nearly always the line feed, and the rest need not be read then.
  let step = 1;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - step);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    const at = buffer.subarray(0, bytesRead).lastIndexOf(LINE_FEED);
    if (at >= 0) return start + at + 1;
    end = start;
    step = buffer.length;
  }
  return 0;
}
