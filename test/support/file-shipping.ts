import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createZstdDecompress, gunzipSync } from 'node:zlib';
import { PositionFile } from '../../agent/checkpoint/position-file.ts';
import { compressionOf } from '../../agent/sink/file/compression.ts';
import { FileSink } from '../../agent/sink/file/file-sink.ts';
import type { SliceFileSystem } from '../../agent/sink/file/file-system.ts';
import { parsePathTemplate } from '../../agent/sink/file/path-template.ts';
import type { PathTemplate } from '../../agent/sink/file/path-template.ts';
import { Batch } from '../../agent/sink/batch.ts';
import { systemClock } from '../../agent/clock.ts';
import { DeadLetterStore } from '../../agent/sink/dead-letter/dead-letter-store.ts';
import type { InternalEvent } from '../../agent/telemetry/events.ts';
import { auditLine } from './audit-line.ts';
import { recordOf, TEST_FILE } from './event-record.ts';

export const LABELS = { log: 'kube-apiserver', sink: 'archive' };

const BATCH_LINES = 5;
const NAMESPACES = ['default', 'kube-system', 'team-a'];

/** Lines 20 s apart in three namespaces; each seventh is no event. */
export function shippedLines(count: number): string[] {
  return Array.from({ length: count }, (_, number) => {
    if (number % 7 === 3) return `no event ${number}`;
    const stageTimestamp = new Date(Date.UTC(2026, 10, 21, 10) + number * 20_000).toISOString();
    const namespace = NAMESPACES[number % NAMESPACES.length];
    return auditLine(number, { stageTimestamp, objectRef: { resource: 'pods', namespace } });
  });
}

export interface ShippingOptions {
  /** Holds `archive/`, `position.json` and `dead-letter/`. */
  readonly directory: string;
  /** Path of the slices below `archive/`. */
  readonly path: string;
  readonly lines: readonly string[];
  readonly fileSystem: SliceFileSystem;
  readonly events?: InternalEvent[];
}

/**
 * Ships lines to a `file` sink with dead letters and a position, the way the agent does but without its loops: from the position on
 * disk to the last line, with the position written after every second batch.
 */
export async function shipLines(options: ShippingOptions): Promise<void> {
  const { directory, lines, fileSystem } = options;
  const signal = new AbortController().signal;
  const telemetry = { emit: (event: InternalEvent) => void options.events?.push(event) };
  const path = join(directory, 'position.json');
  const positionFile = new PositionFile({ path, ...LABELS, nowMs: systemClock.nowMs, fileSystem });
  const deadLetters = await DeadLetterStore.open({
    directory: join(directory, 'dead-letter'),
    maxBytes: 1024 ** 2,
    telemetry,
    clock: systemClock,
    fileSystem,
  });
  const loaded = await positionFile.load();
  const start = loaded.status === 'loaded' ? loaded.checkpoint : undefined;
  const sink = fileSinkAt(join(directory, 'archive', options.path), { fileSystem, telemetry });
  await sink.open(start?.sinkState);
  let sinkState = start?.sinkState;
  for (let at = start?.position.offset ?? 0; at < lines.length; at += BATCH_LINES) {
    const batch = new Batch(Buffer.alloc(64 * 1024));
    for (const [index, line] of lines.slice(at, at + BATCH_LINES).entries()) {
      const record = recordOf(line, at + index);
      const range = {
        file: TEST_FILE.path,
        fingerprint: TEST_FILE.fingerprint,
        start: at + index,
        end: at + index + 1,
      };
      if (record !== undefined) sink.encode(record, batch);
      else await deadLetters.write(LABELS, [{ reason: 'json', range, line: Buffer.from(line) }], signal);
    }
    const result = await sink.send(batch, signal);
    if (result.status !== 'delivered') throw new Error(`not delivered: ${JSON.stringify(result)}`);
    sinkState = result.state;
    const isLast = at + BATCH_LINES >= lines.length;
    if (!isLast && (at / BATCH_LINES) % 2 === 0) continue;
    await sink.sync();
    await positionFile.write({
      position: { file: TEST_FILE, offset: Math.min(at + BATCH_LINES, lines.length) },
      lastStageMs: 0,
      sinkState,
    });
    await sink.settled(sinkState);
  }
  await sink.close();
}

export function templateOf(path: string): PathTemplate {
  const parsed = parsePathTemplate(path);
  if (parsed.status === 'invalid') throw new Error(parsed.problem);
  return parsed.template;
}

export interface SinkParts {
  readonly fileSystem: SliceFileSystem;
  readonly telemetry: { emit(event: InternalEvent): void };
  readonly nowMs?: () => number;
  readonly lookIntervalMs?: number;
}

/** A `file` sink for raw lines. */
export function fileSinkAt(path: string, parts: SinkParts): FileSink {
  const { fileSystem, telemetry, nowMs = () => Date.now(), lookIntervalMs = 3_600_000 } = parts;
  const document = {
    nodeName: 'control-plane-1',
    clusterName: undefined,
    agentVersion: '0.0.0',
    logName: LABELS.log,
  };
  return new FileSink({
    template: templateOf(path),
    format: 'raw',
    compression: compressionOf(path),
    context: { name: LABELS.sink, document, telemetry, nowMs, env: {} },
    fileSystem,
    lookIntervalMs,
  });
}

/** Names of all files below a directory, relative to it, without the sink's own journal. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

/** What a slice says, whatever its compression. */
export async function readSlice(path: string): Promise<string> {
  const bytes = await readFile(path);
  switch (compressionOf(path.replace(/\.partial$/, ''))) {
    case 'gzip':
      return gunzipSync(bytes).toString();
    case 'zstd':
      return (await unzstd(bytes)).toString();
    case 'none':
      return bytes.toString();
  }
}

/** Node's decompressor forgets what follows the end of a frame in the same chunk, so it gets one byte at a time. */
function unzstd(bytes: Buffer): Promise<Buffer> {
  const single = Array.from(bytes, (byte) => Buffer.of(byte));
  return buffer(Readable.from(single).pipe(createZstdDecompress()));
}

/** The lines of all slices below a directory. */
export async function archivedLines(directory: string): Promise<string[]> {
  const files = await filesBelow(directory);
  const texts = await Promise.all(files.map((file) => readSlice(join(directory, file))));
  return texts.flatMap((text) => text.split('\n').slice(0, -1));
}

/** The numbers under which `shippedLines` made the lines, sorted; NaN for a line that is none of them whole. */
export function numbersOf(lines: readonly string[]): number[] {
  const numbers = new Map(shippedLines(100).map((line, number) => [line, number]));
  return lines.map((line) => numbers.get(line) ?? Number.NaN).sort((a, b) => a - b);
}
