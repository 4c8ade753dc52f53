import { type FileHandle, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import type { SliceFileSystem } from '../../agent/sink/file/file-system.ts';

/** A disk that has so many bytes left, for what is written through it. */
export class FullDisk implements SliceFileSystem {
  freeBytes: number;
  readonly mkdir = mkdir;
  readonly rename = rename;
  readonly stat = stat;
  readonly unlink = unlink;

  constructor(freeBytes: number) {
    this.freeBytes = freeBytes;
  }

  readonly open = async (path: string, flags: string | number, mode?: number): Promise<FileHandle> => {
    const handle = await open(path, flags, mode);
    return new Proxy(handle, {
      get: (target, name) => {
        if (name === 'write')
          return (...args: [Buffer, number?, number?, number?]) => this.#write(target, ...args);
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => Reflect.apply(member, target, args);
      },
    });
  };

  /** Takes what there is room for, as a disk does, and refuses only where there is none. */
  async #write(
    handle: FileHandle,
    bytes: Buffer,
    offset = 0,
    length = bytes.length - offset,
    position?: number,
  ) {
    const taken = Math.min(length, this.freeBytes);
    if (taken === 0 && length > 0)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
        code: 'ENOSPC',
        syscall: 'write',
      });
    this.freeBytes -= taken;
    return handle.write(bytes, offset, taken, position ?? null);
  }
}
