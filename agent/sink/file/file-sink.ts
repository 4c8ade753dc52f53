import { join } from 'node:path';
import { isSystemError, type SystemError } from '../../errors.ts';
import { NO_FILE } from '../../event/record.ts';
import type { EventRecord } from '../../event/record.ts';
import type { OwnRecord } from '../../event/own-record.ts';
import { InTurn } from '../../in-turn.ts';
import type { ShipperLabels } from '../../telemetry/events.ts';
import type { Batch } from '../batch.ts';
import type { SinkContext } from '../definition.ts';
import { createNdjsonEncoder } from '../ndjson/ndjson-encoder.ts';
import type { NdjsonEncoder, NdjsonPlace } from '../ndjson/ndjson-encoder.ts';
import type { Retry, SendResult, Sink } from '../sink.ts';
import type { SliceCompression } from './compression.ts';
import type { SliceFileSystem } from './file-system.ts';
import type { PathTemplate } from './path-template.ts';
import { pathValueOf } from './path-value.ts';
import { headBytesAt, writeSliceHead } from './slice-head.ts';
import { groupBySlice, PIECE_BYTES, slicePieces } from './slice-pieces.ts';
import { SliceRouter } from './slice-router.ts';
import { SliceSet } from './slice-set.ts';
import { formatSliceState, parseSliceState } from './slice-state.ts';
import { timeSlot } from './time-slot.ts';

/** How often slices are looked for whose time is over while nothing is written. */
const LOOK_INTERVAL_MS = 10_000;

export interface FileSinkOptions {
  readonly template: PathTemplate;
  readonly format: 'document' | 'raw';
  readonly compression: SliceCompression;
  readonly context: SinkContext;
  readonly fileSystem: SliceFileSystem;
  readonly lookIntervalMs?: number;
}

/**
 * Appends events to slices on disk. Its state makes it exact across crashes: what stands behind the lengths that were stored with the
 * position is cut off at start, because the events in it are sent again.
 */
export class FileSink implements Sink {
  /** Batches are appended one after another. */
  readonly maxInFlight = 1;
  readonly #options: FileSinkOptions;
  readonly #labels: ShipperLabels;
  readonly #encoder: NdjsonEncoder;
  readonly #router: SliceRouter;
  readonly #slices: SliceSet;
  readonly #inTurn = new InTurn();
  #timer: NodeJS.Timeout | undefined;
  #scratch: Buffer | undefined;
  #wasUsed = false;
  #reachedMs = 0;
  #notDurable: string | undefined;

  constructor(options: FileSinkOptions) {
    this.#options = options;
    const { template, format, compression, context, fileSystem } = options;
    const { document, name, telemetry, nowMs } = context;
    this.#labels = { log: document.logName, sink: name };
    this.#encoder = createNdjsonEncoder({ format, document, nowMs });
    const constants = { node: document.nodeName, log: document.logName, cluster: document.clusterName };
    this.#router = new SliceRouter({ template, constants, nowMs });
    this.#slices = new SliceSet({
      journalPath: join(template.root, `.kube-audit-agent.${pathValueOf(document.logName)}.${name}.journal`),
      compression,
      fileSystem,
      nowMs,
      emit: (event) => telemetry.emit({ ...event, ...this.#labels }),
    });
  }

  async open(state: unknown): Promise<void> {
    this.#slices.start(parseSliceState(state));
    // Where the directory cannot be used now, `send` tries again and says so.
    await this.#inTurn.run(() => this.#slices.recover()).catch(passSystemError);
    const intervalMs = this.#options.lookIntervalMs ?? LOOK_INTERVAL_MS;
    this.#timer = setInterval(() => void this.#look(), intervalMs).unref();
  }

  encode(record: EventRecord, batch: Batch): number {
    return this.#put(record, batch, 'whole');
  }

  encodeReduced(record: EventRecord, batch: Batch): number {
    return this.#put(record, batch, 'without-bodies');
  }

  encodeOwn(record: OwnRecord, batch: Batch): number {
    const head = this.#router.routeOwn(record.timeMs);
    const line = this.#encoder.ownLine(record);
    const neededBytes = head.length + line.length;
    if (batch.buffer.length - batch.length < neededBytes) return neededBytes;
    const at = writeSliceHead(head, this.#router.timeMs, batch.buffer, batch.length);
    line.copy(batch.buffer, at);
    batch.commit(at + line.length, 0, { file: NO_FILE, start: 0, end: 0 });
    return 0;
  }

  send(batch: Batch, signal: AbortSignal): Promise<SendResult> {
    return this.#inTurn.run(() => this.#send(batch, signal));
  }

  /** Never asked for: a disk refuses no document. */
  reduce(): undefined {
    return undefined;
  }

  lineOf(batch: Batch, index: number): Buffer {
    return this.#encoder.lineOf(batch, index, headBytesAt(batch.buffer, batch.documentStart(index)));
  }

  /**
   * Rejects where the disk cannot keep what was written. A kernel reports that once and then forgets the bytes, so nothing is taken
   * for durable any more until the agent is started anew and writes them again.
   */
  async sync(): Promise<void> {
    if (this.#notDurable !== undefined) throw new Error(this.#notDurable);
    try {
      const gone = await this.#slices.sync();
      if (gone.length > 0) await this.#inTurn.run(() => this.#slices.lose(gone));
    } catch (error) {
      if (isSystemError(error) && error.syscall === 'fdatasync')
        this.#notDurable = `${error.message}: the disk lost what was written; start the agent anew`;
      throw error;
    }
  }

  async settled(state: unknown): Promise<void> {
    const parsed = parseSliceState(state);
    if (parsed === undefined) return;
    await this.#orReport(async () => {
      await this.#slices.settle(parsed);
      await this.#slices.finishDue(this.#reachedMs);
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#inTurn.run(() => this.#slices.close()).catch(passSystemError);
  }

  #put(record: EventRecord, batch: Batch, form: NdjsonPlace['form']): number {
    const head = this.#router.route(record);
    const neededBytes = head.length + this.#encoder.maxBytes(record, form);
    if (batch.buffer.length - batch.length < neededBytes) return neededBytes;
    const at = writeSliceHead(head, this.#router.timeMs, batch.buffer, batch.length);
    this.#encoder.put(record, batch, { at, form });
    return 0;
  }

  async #send(batch: Batch, signal: AbortSignal): Promise<SendResult> {
    if (signal.aborted) return { status: 'retry', retry: { reason: 'timeout', detail: 'stopped' } };
    if (this.#notDurable !== undefined)
      return { status: 'retry', retry: { reason: 'server', detail: this.#notDurable } };
    const { compression, template } = this.#options;
    this.#wasUsed = true;
    this.#scratch ??= Buffer.allocUnsafeSlow(PIECE_BYTES);
    const pieceOptions = { compression, scratch: this.#scratch };
    const { groups, oldestMs } = groupBySlice(batch);
    try {
      const state = await this.#slices.add(
        groups.map((group) => ({
          path: group.path,
          endMs: timeSlot(group.timeMs, template.unit).endMs,
          pieces: () => slicePieces(batch, group, pieceOptions),
        })),
      );
      this.#reachedMs = oldestMs;
      return { status: 'delivered', state: formatSliceState(state) };
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return { status: 'retry', retry: retryOf(error, template.root) };
    }
  }

  async #look(): Promise<void> {
    if (!this.#wasUsed) this.#scratch = undefined;
    this.#wasUsed = false;
    await this.#orReport(() => this.#slices.finishDue(this.#reachedMs));
  }

  /** Slices that cannot be finished now stay as they are and are tried again; the events in them are safe. */
  async #orReport(task: () => Promise<void>): Promise<void> {
    try {
      await this.#inTurn.run(task);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const { telemetry } = this.#options.context;
      telemetry.emit({ kind: 'slice-unfinished', detail: error.message, ...this.#labels });
    }
  }
}

function passSystemError(error: unknown): void {
  if (!isSystemError(error)) throw error;
}

function retryOf(error: SystemError, root: string): Retry {
  const isRefused = error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS';
  return { reason: isRefused ? 'auth' : 'server', detail: `slices below ${root}: ${error.message}` };
}
