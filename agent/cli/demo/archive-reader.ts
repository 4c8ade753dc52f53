import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../errors.ts';

const READ_BYTES = 256 * 1024;

/** What the demo shows of a delivered document. */
export interface DeliveredEvent {
  /** Tells documents apart: file and place of the line it was made of. */
  readonly key: string;
  /** `12:34:56` */
  readonly time: string;
  readonly code: string;
  readonly verb: string;
  readonly target: string;
  readonly user: string;
}

/** Reads the documents that the `file` sink has written since the last call. Its slices only grow. */
export class ArchiveReader {
  readonly #directory: string;
  /** How far each slice was read; an open slice keeps its place when it is finished and renamed. */
  readonly #offsets = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(): Promise<DeliveredEvent[]> {
    const events: DeliveredEvent[] = [];
    for (const name of await this.#slices()) {
      const slice = name.replace(/\.partial$/, '');
      const start = this.#offsets.get(slice) ?? 0;
      const text = await readWholeLines(join(this.#directory, name), start);
      this.#offsets.set(slice, start + text.length);
      for (const line of text.toString().split('\n'))
        if (line !== '') events.push(deliveredEvent(JSON.parse(line)));
    }
    return events;
  }

  async #slices(): Promise<string[]> {
    try {
      // Names that begin with a dot are the sink's own.
      return (await readdir(this.#directory)).filter((name) => !name.startsWith('.')).sort();
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }
}

/** The bytes from `start` to the last line feed, as far as one read goes. */
async function readWholeLines(path: string, start: number): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: unknown) => {
    // Renamed between listing and opening: the next call finds it under its new name.
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return Buffer.alloc(0);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, start);
    return buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(10) + 1);
  } finally {
    await file.close();
  }
}

function deliveredEvent(document: unknown): DeliveredEvent {
  const text = (...path: string[]): string => {
    let value: unknown = document;
    for (const name of path)
      value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  const audit = (...path: string[]): string => text('kubernetes', 'audit', ...path);
  const object = [audit('objectRef', 'resource'), audit('objectRef', 'name')]
    .filter((part) => part !== '')
    .join('/');
  const namespace = audit('objectRef', 'namespace');
  return {
    key: `${text('log', 'file', 'fingerprint')}@${text('log', 'offset')}`,
    time: text('@timestamp').slice(11, 19),
    code: audit('responseStatus', 'code') || '-',
    verb: audit('verb'),
    target: object === '' ? audit('requestURI') : `${namespace === '' ? '' : `${namespace}/`}${object}`,
    user: audit('user', 'username') || '-',
  };
}
