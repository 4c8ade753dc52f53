import { type FileHandle, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { errorCode } from '../../errors.ts';

/** The file operations that slices need; replaced in crash tests. */
export interface SliceFileSystem {
  open(path: string, flags: string | number, mode?: number): Promise<FileHandle>;
  mkdir(path: string, options: { recursive: true; mode: number }): Promise<string | undefined>;
  rename(from: string, to: string): Promise<void>;
  stat(path: string): Promise<{ readonly size: number }>;
  unlink(path: string): Promise<void>;
}

export const realSliceFileSystem: SliceFileSystem = { open, mkdir, rename, stat, unlink };

/** Bytes of a file; undefined where there is none. */
export async function sizeOf(fileSystem: SliceFileSystem, path: string): Promise<number | undefined> {
  try {
    return (await fileSystem.stat(path)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
