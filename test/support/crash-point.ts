import { type FileHandle, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import type { SliceFileSystem } from '../../agent/sink/file/file-system.ts';

/** The operations of a file that change something on disk. */
const CHANGES = new Set(['write', 'writeFile', 'appendFile', 'truncate', 'datasync', 'sync']);

/** Counted but not done: what a process has written outlives it without, and disks take their time. */
const SYNCS = new Set(['datasync', 'sync']);

export interface CrashOptions {
  /** The change at which it happens, from 1. */
  readonly at: number;
  /** What then happens; nothing that is asked for afterwards is done. Where it returns, nothing ever resolves any more. */
  readonly crash: () => void;
}

/**
 * A file system under which the process dies at one of its changes: before it is done, or, where bytes are written, when half of them
 * are. Counts changes, so that a run without a crash tells how many places there are.
 */
export class CrashPoint implements SliceFileSystem {
  changes = 0;
  #isDead = false;
  readonly #options: CrashOptions | undefined;
  readonly #handles: FileHandle[] = [];

  constructor(options?: CrashOptions) {
    this.#options = options;
  }

  readonly open = async (path: string, flags: string | number, mode?: number): Promise<FileHandle> => {
    if (flags !== 'r') await this.#change();
    const handle = await open(path, flags, mode);
    this.#handles.push(handle);
    return new Proxy(handle, { get: (target, name) => this.#member(target, name) });
  };

  readonly mkdir = async (path: string, options: { recursive: true; mode: number }) => {
    await this.#change();
    return mkdir(path, options);
  };

  readonly rename = async (from: string, to: string): Promise<void> => {
    await this.#change();
    return rename(from, to);
  };

  readonly unlink = async (path: string): Promise<void> => {
    await this.#change();
    return unlink(path);
  };

  readonly stat = (path: string): Promise<{ size: number }> => (this.#isDead ? never() : stat(path));

  /** Lets go of what a dead process would have let go of. */
  async closeHandles(): Promise<void> {
    for (const handle of this.#handles) await handle.close().catch(() => {});
  }

  #member(handle: FileHandle, name: string | symbol): unknown {
    const member: unknown = Reflect.get(handle, name);
    if (typeof member !== 'function') return member;
    if (typeof name !== 'string' || !CHANGES.has(name)) return member.bind(handle);
    return async (...args: unknown[]): Promise<unknown> => {
      await this.#change(() => writeHalf(handle, name, args));
      return SYNCS.has(name) ? undefined : Reflect.apply(member, handle, args);
    };
  }

  /** Counts a change, and dies if it is the one. */
  async #change(half?: () => Promise<unknown>): Promise<void> {
    if (this.#isDead) return never();
    this.changes += 1;
    if (this.#options?.at !== this.changes) return undefined;
    this.#isDead = true;
    await half?.();
    this.#options.crash();
    return never();
  }
}

function never<Nothing>(): Promise<Nothing> {
  return new Promise(() => {});
}

async function writeHalf(handle: FileHandle, name: string, args: readonly unknown[]): Promise<void> {
  const [content, offset, length, position] = args;
  if (name === 'write' && content instanceof Buffer) {
    const start = typeof offset === 'number' ? offset : 0;
    const bytes = typeof length === 'number' ? length : content.length - start;
    await handle.write(content, start, bytes >> 1, typeof position === 'number' ? position : null);
  } else if ((name === 'writeFile' || name === 'appendFile') && typeof content === 'string') {
    await handle.appendFile(content.slice(0, content.length >> 1));
  }
}
