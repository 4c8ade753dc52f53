import type { SinkReason } from '../../errors.ts';
import type { Rejection, SendResult } from '../sink.ts';
import { AllCreated } from './all-created.ts';
import { fieldOf, parseServerError } from './server-error.ts';
import type { ServerError } from './server-error.ts';

/** What the items of a bulk answer say, counted. */
export interface BulkReply {
  readonly result: SendResult;
  /** Documents that the server had already, under the same id. */
  readonly duplicates: number;
  /** Documents that the server took into its failure store because its mapping or pipeline refused them. */
  readonly inFailureStore: number;
}

/** Whose fault a refusal is decides what happens: a document's fault is final, anything else is waited for. */
type ItemVerdict = { retry: SinkReason } | 'settled' | 'rejected';

/** Which reason speaks for a batch whose items are refused for several: what a person must act on first. */
const GRAVITY: readonly SinkReason[] = ['throttled', 'server', 'protocol', 'auth'];

function verdictOf(status: number, error: ServerError): ItemVerdict {
  if (status >= 200 && status < 300) return 'settled';
  // The id says where the line stands, so what is there under this id is this document.
  if (status === 409) return 'settled';
  if (status === 429) return { retry: 'throttled' };
  if (status >= 500) return { retry: 'server' };
  // A missing right, stream or template, or a block on the index: the document can do nothing for it.
  if (status === 401 || status === 403 || status === 404) return { retry: 'auth' };
  if (isFullCluster(error)) return { retry: 'throttled' };
  if (isMissingPipeline(error)) return { retry: 'protocol' };
  return 'rejected';
}

/** The cluster has no room for the shards of a new backing index: it heals when an operator acts. */
function isFullCluster({ type, reason }: ServerError): boolean {
  return type === 'validation_exception' && reason.includes('maximum') && reason.includes('shards open');
}

/** The index names an ingest pipeline that does not exist: every document would be refused. */
function isMissingPipeline({ type, reason }: ServerError): boolean {
  return type === 'illegal_argument_exception' && /^pipeline with id \[[^\]]*\] does not exist/.test(reason);
}

class ItemTally {
  duplicates = 0;
  inFailureStore = 0;
  readonly retry: number[] = [];
  readonly rejected: Rejection[] = [];
  #reason: SinkReason = 'throttled';
  #detail = '';

  /** False where the item cannot be read. */
  add(index: number, item: unknown): boolean {
    const outcome = fieldOf(item, 'create');
    const status = fieldOf(outcome, 'status');
    if (typeof status !== 'number') return false;
    if (status === 200 || status === 201) {
      if (fieldOf(outcome, 'failure_store') === 'used') this.inFailureStore += 1;
      return true;
    }
    this.#addProblem(index, status, parseServerError(fieldOf(outcome, 'error')));
    return true;
  }

  result(count: number): SendResult {
    const { retry, rejected } = this;
    if (retry.length === 0)
      return rejected.length === 0 ? { status: 'delivered' } : { status: 'rejected', rejected };
    const detail = `${retry.length} of ${count} documents: ${this.#detail}`;
    return {
      status: 'retry',
      retry: { reason: this.#reason, detail },
      ...(retry.length < count && { which: retry }),
      ...(rejected.length > 0 && { rejected }),
    };
  }

  #addProblem(index: number, status: number, error: ServerError): void {
    const verdict = verdictOf(status, error);
    if (verdict === 'rejected') this.rejected.push({ index, kind: error.type, detail: error.reason });
    else if (verdict !== 'settled') this.#addRetry(index, verdict.retry, status, error);
    else if (status === 409) this.duplicates += 1;
  }

  #addRetry(index: number, reason: SinkReason, status: number, error: ServerError): void {
    this.retry.push(index);
    if (this.#detail !== '' && GRAVITY.indexOf(reason) <= GRAVITY.indexOf(this.#reason)) return;
    this.#reason = reason;
    // What is about rights and names quotes no document; the reason of any other error might.
    const words = reason === 'auth' || reason === 'protocol' ? `: ${error.reason}` : '';
    this.#detail = `${status} ${error.type}${words}`;
  }
}

/**
 * Reads the answer to a bulk request of `count` documents. Undefined where the answer does not speak of exactly these documents: then
 * nothing may be taken as settled.
 */
export function readBulkReply(body: unknown, count: number): BulkReply | undefined {
  if (body instanceof AllCreated)
    return body.count === count
      ? { result: { status: 'delivered' }, duplicates: 0, inFailureStore: 0 }
      : undefined;
  const items = fieldOf(body, 'items');
  if (!Array.isArray(items) || items.length !== count) return undefined;
  const tally = new ItemTally();
  for (let index = 0; index < count; index += 1) {
    if (!tally.add(index, items[index])) return undefined;
  }
  return { result: tally.result(count), duplicates: tally.duplicates, inFailureStore: tally.inFailureStore };
}
