import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The file operations that durability needs; replaced in crash tests. */
export interface DurableFileSystem {
  open(path: string, flags: string, mode?: number): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
}

export const realFileSystem: DurableFileSystem = { open, rename };

/**
 * Replaces a file's content so that after a crash at any moment the file holds either all of the old or all of the new content:
 * temporary file in the same directory, fsync, rename, fsync of the directory.
 */
export async function replaceFile(
  fileSystem: DurableFileSystem,
  path: string,
  content: string,
): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await fileSystem.open(temporary, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, path);
  await syncDirectory(fileSystem, dirname(path));
}

/** Makes a rename or creation in a directory durable. */
export async function syncDirectory(fileSystem: DurableFileSystem, path: string): Promise<void> {
  const directory = await fileSystem.open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
