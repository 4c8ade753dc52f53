import type { EventRecord } from '../../event/record.ts';
import type { OwnRecord } from '../../event/own-record.ts';
import { restoreLine } from '../../document/restore-line.ts';
import type { ShipperLabels } from '../../telemetry/events.ts';
import type { Batch } from '../batch.ts';
import type { SinkContext } from '../definition.ts';
import type { Reduction, SendResult, Sink } from '../sink.ts';
import { bulkBody } from './body.ts';
import type { BulkCompression } from './body.ts';
import { BulkEncoder } from './bulk-encoder.ts';
import type { BulkReply } from './bulk-reply.ts';
import { bulkVerdict } from './bulk-verdict.ts';
import type { HttpAnswer, HttpClient } from './http-client.ts';
import { errorOfAnswer } from './server-error.ts';

/**
 * What the answer must say of each document, and no more. `status` keeps the place of an item that has nothing else to say, so that
 * items and documents can be matched.
 */
const FILTER_PATH = 'errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.failure_store';

interface BulkSinkOptions {
  readonly context: SinkContext;
  readonly client: HttpClient;
  readonly dataStream: string;
  readonly compression: BulkCompression;
  readonly maxInFlight: number;
  /** Parameters of the request that the sink cannot do without. */
  readonly query: Readonly<Record<string, string | boolean>>;
  /** Parameters that are left out for good once the server says that it does not know them. */
  readonly optionalQuery: Readonly<Record<string, string | boolean>>;
}

/** Sends batches as bulk requests to a data stream. Everything is sent as `create`, so that what is there already is left alone. */
export class BulkSink implements Sink {
  readonly maxInFlight: number;
  readonly #options: BulkSinkOptions;
  readonly #encoder: BulkEncoder;
  readonly #labels: ShipperLabels;
  readonly #optionalQuery: Map<string, string | boolean>;

  constructor(options: BulkSinkOptions) {
    this.maxInFlight = options.maxInFlight;
    this.#options = options;
    this.#encoder = new BulkEncoder(options.context, options.dataStream);
    this.#labels = { log: options.context.document.logName, sink: options.context.name };
    this.#optionalQuery = new Map(Object.entries(options.optionalQuery));
  }

  /** Nothing is asked of the server: an agent starts, and reads its log, while its sink is away. */
  async open(): Promise<void> {}

  encode(record: EventRecord, batch: Batch): number {
    return this.#encoder.encode(record, batch);
  }

  encodeOwn(record: OwnRecord, batch: Batch): number {
    return this.#encoder.encodeOwn(record, batch);
  }

  encodeReduced(record: EventRecord, batch: Batch): number {
    return this.#encoder.encodeReduced(record, batch);
  }

  async send(batch: Batch, signal: AbortSignal): Promise<SendResult> {
    let answer = await this.#post(batch, signal);
    if (this.#dropUnknownParameters(answer)) answer = await this.#post(batch, signal);
    const reply = bulkVerdict(answer, batch.count, this.#options.context.nowMs());
    this.#count(reply);
    return reply.result;
  }

  reduce(batch: Batch, index: number, reduction: Reduction, why: string): Batch | undefined {
    return this.#encoder.reduce(batch, index, reduction, why);
  }

  lineOf(batch: Batch, index: number): Buffer {
    return restoreLine(batch, index);
  }

  /** A server answers when it has the documents. */
  async sync(): Promise<void> {}

  async close(): Promise<void> {
    await this.#options.client.close();
  }

  async #post(batch: Batch, signal: AbortSignal): Promise<HttpAnswer> {
    const { client, compression, dataStream, query } = this.#options;
    const lines = await bulkBody(batch, compression);
    const request = {
      method: 'POST',
      path: `/${encodeURIComponent(dataStream)}/_bulk`,
      query: { filter_path: FILTER_PATH, ...query, ...Object.fromEntries(this.#optionalQuery) },
      lines,
      ...(compression === 'gzip' && { contentEncoding: 'gzip' as const }),
    } as const;
    return client.request(request, signal);
  }

  /** True where the server refused the request for a parameter that can be left out; it is from now on. */
  #dropUnknownParameters(answer: HttpAnswer): boolean {
    if (answer.status !== 'answered' || answer.statusCode !== 400) return false;
    const reason = errorOfAnswer(answer.body)?.reason ?? '';
    if (!reason.includes('unrecognized parameter')) return false;
    const unknown = [...this.#optionalQuery.keys()].filter((name) => reason.includes(`[${name}]`));
    for (const name of unknown) this.#optionalQuery.delete(name);
    return unknown.length > 0;
  }

  #count(reply: BulkReply): void {
    const { telemetry } = this.#options.context;
    const { duplicates, inFailureStore } = reply;
    if (duplicates > 0)
      telemetry.emit({ kind: 'documents-duplicate', documents: duplicates, ...this.#labels });
    if (inFailureStore > 0)
      telemetry.emit({ kind: 'documents-in-failure-store', documents: inFailureStore, ...this.#labels });
  }
}
