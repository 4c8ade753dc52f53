import type { Writable } from 'node:stream';
import { isSystemError } from '../../errors.ts';
import { NO_FILE } from '../../event/record.ts';
import type { EventRecord } from '../../event/record.ts';
import type { OwnRecord } from '../../event/own-record.ts';
import type { Batch } from '../batch.ts';
import { createNdjsonEncoder } from '../ndjson/ndjson-encoder.ts';
import type { NdjsonEncoder, NdjsonOptions, NdjsonPlace } from '../ndjson/ndjson-encoder.ts';
import type { SendResult, Sink } from '../sink.ts';
import { FileOutput } from './file-output.ts';

/** Nobody comes back to read from a closed pipe, so trying again is only a way to wait. */
const CLOSED_RETRY_MS = 30_000;

/**
 * Writes events to standard output, one a line. A batch is delivered once the stream has taken all of it, so a slow reader slows this
 * sink down and nothing is held for it.
 *
 * Where the reader is gone (EPIPE) nothing is lost: batches stay unsettled, the checkpoint stays where it is, and the other sinks go
 * on; the next start begins there. What the reader had taken of the last batch it gets again then. A file that has no room is tried
 * again until it has.
 */
export class StdoutSink implements Sink {
  readonly maxInFlight = 1;
  readonly #output: Writable | FileOutput;
  readonly #encoder: NdjsonEncoder;
  #closed: string | undefined;

  constructor(output: Writable | FileOutput, options: NdjsonOptions) {
    this.#output = output;
    this.#encoder = createNdjsonEncoder(options);
  }

  async open(): Promise<void> {
    if (this.#output instanceof FileOutput) return;
    this.#output.on('error', (error) => {
      this.#closed = error.message;
    });
  }

  encode(record: EventRecord, batch: Batch): number {
    return this.#put(record, batch, 'whole');
  }

  encodeReduced(record: EventRecord, batch: Batch): number {
    return this.#put(record, batch, 'without-bodies');
  }

  encodeOwn(record: OwnRecord, batch: Batch): number {
    const line = this.#encoder.ownLine(record);
    if (batch.buffer.length - batch.length < line.length) return line.length;
    line.copy(batch.buffer, batch.length);
    batch.commit(batch.length + line.length, 0, { file: NO_FILE, start: 0, end: 0 });
    return 0;
  }

  async send(batch: Batch, signal: AbortSignal): Promise<SendResult> {
    if (signal.aborted) return { status: 'retry', retry: { reason: 'timeout', detail: 'stopped' } };
    const bytes = batch.buffer.subarray(0, batch.length);
    if (this.#output instanceof FileOutput) return sendToFile(this.#output, bytes);
    const problem = this.#closed ?? (await this.#write(this.#output, bytes, signal));
    if (problem === undefined) return { status: 'delivered' };
    const detail = `standard output: ${problem}`;
    return { status: 'retry', retry: { reason: 'connect', detail, afterMs: CLOSED_RETRY_MS } };
  }

  /** Never asked for: a stream refuses no document. */
  reduce(): undefined {
    return undefined;
  }

  lineOf(batch: Batch, index: number): Buffer {
    return this.#encoder.lineOf(batch, index, 0);
  }

  /** What a pipe has taken is the reader's. */
  async sync(): Promise<void> {}

  /** The stream is the process's: it is not ended, and still listened to, because the error of a write may come late. */
  async close(): Promise<void> {}

  #put(record: EventRecord, batch: Batch, form: NdjsonPlace['form']): number {
    const neededBytes = this.#encoder.maxBytes(record, form);
    if (batch.buffer.length - batch.length < neededBytes) return neededBytes;
    this.#encoder.put(record, batch, { at: batch.length, form });
    return 0;
  }

  /** What kept the bytes from being taken; undefined where nothing did. */
  #write(output: Writable, bytes: Buffer, signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      const abort = (): void => resolve('stopped while the reader was not reading');
      signal.addEventListener('abort', abort, { once: true });
      output.write(bytes, (error) => {
        signal.removeEventListener('abort', abort);
        if (error) this.#closed = error.message;
        resolve(error?.message);
      });
    });
  }
}

async function sendToFile(output: FileOutput, bytes: Buffer): Promise<SendResult> {
  try {
    await output.write(bytes);
    return { status: 'delivered' };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { status: 'retry', retry: { reason: 'server', detail: `standard output: ${error.message}` } };
  }
}
