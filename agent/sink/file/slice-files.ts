import type { FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from '../../checkpoint/durable-file.ts';
import { sizeOf } from './file-system.ts';
import type { SliceFileSystem } from './file-system.ts';
import type { Slice } from './slice.ts';

/** Slices that are open at once; the one not written to for longest is closed for the next. */
const MAX_OPEN_SLICES = 64;

const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;

// No O_APPEND: each write says where it goes, so that one that failed half-way is written over.
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT;

/** The files behind slices: opens, writes, cuts, and makes durable. */
export class SliceFiles {
  readonly #fileSystem: SliceFileSystem;
  /** In the order of their last use. */
  readonly #open = new Map<Slice, FileHandle>();
  /** Written to since they were last made durable. */
  readonly #unsynced = new Set<Slice>();
  /** Directories that have got a name since they were last made durable. */
  readonly #unsyncedDirectories = new Set<string>();

  constructor(fileSystem: SliceFileSystem) {
    this.#fileSystem = fileSystem;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Writes at a place in the slice's file, which is made if it is not there. */
  async write(slice: Slice, bytes: Buffer, position: number): Promise<void> {
    const file = await this.#opened(slice);
    this.#unsynced.add(slice);
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
      written += bytesWritten;
    }
  }

  /** Cuts off what stands behind the slice's length. */
  async cut(slice: Slice): Promise<void> {
    const file = await this.#opened(slice);
    await file.truncate(slice.length);
    this.#unsynced.add(slice);
  }

  /**
   * Makes everything durable that has been written. May run while more is written. Returns the slices whose files somebody has
   * deleted. What could not be made durable stays to be done where this rejects.
   */
  async sync(): Promise<Slice[]> {
    const gone: Slice[] = [];
    // Copies: what is written meanwhile is for the next call.
    const unsynced = [...this.#unsynced];
    const directories = [...this.#unsyncedDirectories];
    for (const slice of unsynced) {
      if (!(await this.#syncSlice(slice))) gone.push(slice);
    }
    for (const path of directories) {
      this.#unsyncedDirectories.delete(path);
      await syncDirectory(this.#fileSystem, path).catch((error: unknown) => {
        this.#unsyncedDirectories.add(path);
        throw error;
      });
    }
    return gone;
  }

  /** Lets go of a slice whose file gets another name or is not written to for long. */
  async release(slice: Slice): Promise<void> {
    if (this.#unsynced.has(slice)) await this.#syncSlice(slice);
    await this.#close(slice);
  }

  /** Lets go of a slice whose file is gone. */
  async drop(slice: Slice): Promise<void> {
    this.#unsynced.delete(slice);
    await this.#close(slice);
  }

  async closeAll(): Promise<void> {
    for (const slice of this.#open.keys()) await this.#close(slice);
  }

  async #opened(slice: Slice): Promise<FileHandle> {
    const known = this.#open.get(slice);
    this.#open.delete(slice);
    const file = known ?? (await this.#openFile(slice));
    this.#open.set(slice, file);
    return file;
  }

  async #openFile(slice: Slice): Promise<FileHandle> {
    const [longestUnused] = this.#open.keys();
    if (longestUnused !== undefined && this.#open.size >= MAX_OPEN_SLICES) await this.#close(longestUnused);
    const directory = dirname(slice.file);
    if (slice.length === 0) await this.#makeDirectory(directory);
    return this.#fileSystem.open(slice.file, OPEN_FLAGS, FILE_MODE);
  }

  async #makeDirectory(directory: string): Promise<void> {
    const first = await this.#fileSystem.mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    this.#unsyncedDirectories.add(directory);
    if (first === undefined) return;
    for (let path = directory; path.length >= first.length; path = dirname(path)) {
      this.#unsyncedDirectories.add(dirname(path));
    }
  }

  async #close(slice: Slice): Promise<void> {
    const file = this.#open.get(slice);
    this.#open.delete(slice);
    await file?.close();
  }

  /** False where the file is gone. */
  async #syncSlice(slice: Slice): Promise<boolean> {
    this.#unsynced.delete(slice);
    try {
      // One that was closed meanwhile is opened again by its name: the kernel keeps dirty pages by file, not by handle.
      if (!(await this.#exists(slice))) return false;
      const open = this.#open.get(slice);
      if (open !== undefined) await open.datasync();
      else await this.#syncClosed(slice);
      return true;
    } catch (error) {
      this.#unsynced.add(slice);
      throw error;
    }
  }

  async #exists(slice: Slice): Promise<boolean> {
    return (await sizeOf(this.#fileSystem, slice.file)) !== undefined;
  }

  async #syncClosed(slice: Slice): Promise<void> {
    const file = await this.#fileSystem.open(slice.file, 'r+');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}
