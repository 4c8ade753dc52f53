import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CheckpointError, errorCode } from '../errors.ts';
import { isObject } from '../is-object.ts';
import { type DurableFileSystem, realFileSystem, replaceFile } from './durable-file.ts';
import type { Checkpoint } from './ledger.ts';

/** Versions this program reads: its own and the one before. */
const VERSION = 1;
const OLDEST_READABLE_VERSION = 1;

export type LoadedPosition =
  | { status: 'loaded'; checkpoint: Checkpoint }
  | { status: 'absent' }
  /** No range was settled yet, but reading was to begin at the oldest file: `startAt` is not asked again. */
  | { status: 'beginning' }
  /** It could not be understood; it lies at `setAside` now, for a person to look at. */
  | { status: 'corrupt'; setAside: string; detail: string };

interface PositionFileOptions {
  readonly path: string;
  readonly log: string;
  readonly sink: string;
  readonly nowMs: () => number;
  readonly fileSystem?: DurableFileSystem;
}

/** The checkpoint of one (log, sink) pair on disk: one JSON document. */
export class PositionFile {
  readonly #options: PositionFileOptions;
  readonly #fileSystem: DurableFileSystem;

  constructor(options: PositionFileOptions) {
    this.#options = options;
    this.#fileSystem = options.fileSystem ?? realFileSystem;
  }

  /**
   * What the last run left. Rejects with CHECKPOINT_NEWER_VERSION for a file of a later program: setting that aside would read
   * everything again after a mere downgrade.
   */
  async load(): Promise<LoadedPosition> {
    const { path } = this.#options;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return { status: 'absent' };
      throw new CheckpointError('CHECKPOINT_CORRUPT', `${path} cannot be read`, { cause: error });
    }
    const parsed = parsePosition(text);
    if (parsed.status === 'newer')
      throw new CheckpointError(
        'CHECKPOINT_NEWER_VERSION',
        `${path} has version ${parsed.version}, this program reads up to ${VERSION}: it was written by a later one`,
      );
    if (parsed.status === 'beginning') return parsed;
    if (parsed.status === 'ok') return { status: 'loaded', checkpoint: parsed.checkpoint };
    return this.#setAside(parsed.detail);
  }

  /** Writes a checkpoint durably. Rejects where that fails; the old one is then still there. */
  async write(checkpoint: Checkpoint): Promise<void> {
    const { file, offset } = checkpoint.position;
    return this.#replace({
      position: { fingerprint: file.fingerprint, path: file.path, inode: file.inode, offset },
      lastStageMs: checkpoint.lastStageMs,
      settledAt: new Date(this.#options.nowMs()).toISOString(),
      ...(checkpoint.sinkState === undefined ? {} : { sinkState: checkpoint.sinkState }),
    });
  }

  /** Puts on record that whatever comes first is read from its beginning. */
  async writeBeginning(): Promise<void> {
    return this.#replace({ position: null });
  }

  async #replace(content: Readonly<Record<string, unknown>>): Promise<void> {
    const { log, sink, path } = this.#options;
    const document = { version: VERSION, log, sink, ...content };
    try {
      await replaceFile(this.#fileSystem, path, `${JSON.stringify(document)}\n`);
    } catch (error) {
      throw new CheckpointError('CHECKPOINT_WRITE', `${path} cannot be written`, { cause: error });
    }
  }

  async #setAside(detail: string): Promise<LoadedPosition> {
    const stamp = new Date(this.#options.nowMs()).toISOString().replaceAll(':', '-');
    const setAside = `${this.#options.path}.corrupt-${stamp}`;
    await rename(this.#options.path, setAside);
    return { status: 'corrupt', setAside, detail };
  }
}

type ParsedPosition =
  | { status: 'beginning' }
  | { status: 'ok'; checkpoint: Checkpoint }
  | { status: 'newer'; version: number }
  | { status: 'corrupt'; detail: string };

function parsePosition(text: string): ParsedPosition {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { status: 'corrupt', detail: 'it is no JSON' };
  }
  if (!isObject(document)) return { status: 'corrupt', detail: 'it is no JSON object' };
  const { version } = document;
  if (typeof version !== 'number' || !Number.isInteger(version) || version < OLDEST_READABLE_VERSION)
    return { status: 'corrupt', detail: 'it has no known version' };
  if (version > VERSION) return { status: 'newer', version };
  if (document['position'] === null) return { status: 'beginning' };
  const position = parseLogPosition(document['position']);
  if (position === undefined) return { status: 'corrupt', detail: 'its position is not complete' };
  const lastStageMs = typeof document['lastStageMs'] === 'number' ? document['lastStageMs'] : 0;
  return { status: 'ok', checkpoint: { position, lastStageMs, sinkState: document['sinkState'] } };
}

function parseLogPosition(value: unknown): Checkpoint['position'] | undefined {
  if (!isObject(value)) return undefined;
  const { fingerprint, path, inode, offset } = value;
  if (typeof fingerprint !== 'string' || !/^[0-9a-f]{64}$/.test(fingerprint)) return undefined;
  if (typeof path !== 'string' || typeof inode !== 'number') return undefined;
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) return undefined;
  return { file: { fingerprint, path, inode }, offset };
}
