import type { Clock } from '../clock.ts';
import type { SinkReason } from '../errors.ts';
import { Batch } from '../sink/batch.ts';
import type { Reduction, Rejection, Retry, SendResult, Sink } from '../sink/sink.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';
import { backoffMs } from './backoff.ts';

/** Reduced documents are collected up to this size before they are sent: a batch full of refused ones must not double its memory. */
const REDUCED_BATCH_BYTES = 512 * 1024;

/** A document that no form of it can be delivered. */
export interface DeadDocument {
  readonly batch: Batch;
  readonly index: number;
  readonly reason: string;
  readonly detail: string;
}

export interface DeliveryOptions {
  readonly sink: Sink;
  readonly labels: ShipperLabels;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: () => number;
  /** Puts documents on record durably. Waits where there is no room; false when the signal aborted before it was done. */
  readonly bury: (documents: readonly DeadDocument[], signal: AbortSignal) => Promise<boolean>;
  /** Told when the sink starts or stops taking events. */
  readonly onSinkState: (reason: SinkReason | '', detail: string) => void;
}

/** `stopped`: the signal aborted; what was not settled is still in the log. */
export type DeliveryOutcome = { status: 'settled'; sinkState: unknown } | { status: 'stopped' };

/**
 * Delivers a batch: sends it until every document in it is delivered or a dead letter. There is no limit on attempts, because the
 * file is the buffer and giving up would be loss.
 */
export async function deliver(
  batch: Batch,
  options: DeliveryOptions,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const run: Run = { options, signal, pending: [batch], attempt: 0, attempts: 0, sinkState: undefined };
  const tell = settledTeller(batch, run);
  return (await sendPending(run)) ? tell() : { status: 'stopped' };
}

/**
 * Sends a batch once, for a document so large that its memory must not be held while the sink is away. `retry` leaves the batch to
 * the caller, who gives its memory back and reads the line again later.
 */
export async function deliverOnce(
  batch: Batch,
  options: DeliveryOptions,
  signal: AbortSignal,
): Promise<DeliveryOutcome | { status: 'retry'; retry: Retry }> {
  const run: Run = { options, signal, pending: [], attempt: 0, attempts: 1, sinkState: undefined };
  const tell = settledTeller(batch, run);
  const result = await options.sink.send(batch, signal);
  if (signal.aborted) return { status: 'stopped' };
  if (result.status === 'retry' && result.rejected === undefined) {
    options.onSinkState(result.retry.reason, result.retry.detail);
    return { status: 'retry', retry: result.retry };
  }
  return (await take(batch, result, run)) && (await sendPending(run)) ? tell() : { status: 'stopped' };
}

interface Run {
  readonly options: DeliveryOptions;
  readonly signal: AbortSignal;
  /** Still to be sent, in this order. */
  readonly pending: Batch[];
  /** Failures in a row. */
  attempt: number;
  attempts: number;
  sinkState: unknown;
}

/** Takes the figures of a batch before anything of it is sent, because a retry keeps only what was refused; tells them at the end. */
function settledTeller(batch: Batch, run: Run): () => DeliveryOutcome {
  const { clock, telemetry, labels } = run.options;
  const { count: documents, length: bytes, lineBytes } = batch;
  const startedMs = clock.monotonicMs();
  return () => {
    const durationMs = clock.monotonicMs() - startedMs;
    const { attempts, sinkState } = run;
    telemetry.emit({ kind: 'batch-settled', documents, bytes, lineBytes, attempts, durationMs, ...labels });
    return { status: 'settled', sinkState };
  };
}

/** Sends until nothing is pending. False when the signal aborted. */
async function sendPending(run: Run): Promise<boolean> {
  for (let next = run.pending.shift(); next !== undefined; next = run.pending.shift()) {
    if (run.signal.aborted || !(await sendOnce(next, run))) return false;
  }
  return true;
}

/** One request, and what follows from its answer. False when the signal aborted. */
async function sendOnce(batch: Batch, run: Run): Promise<boolean> {
  run.attempts += 1;
  const result = await run.options.sink.send(batch, run.signal);
  if (run.signal.aborted && result.status === 'retry') return false;
  return take(batch, result, run);
}

async function take(batch: Batch, result: SendResult, run: Run): Promise<boolean> {
  switch (result.status) {
    case 'delivered':
      run.sinkState = result.state ?? run.sinkState;
      reachable(run);
      return true;
    case 'rejected':
      reachable(run);
      return settleRejected(batch, { rejections: result.rejected, reduction: 'bodies-as-text' }, run);
    case 'too-large':
      reachable(run);
      return makeSmaller(batch, result.detail, run);
    case 'retry':
      return sendAgain(batch, result, run);
  }
}

function reachable(run: Run): void {
  run.attempt = 0;
  run.options.onSinkState('', '');
}

/** Waits, then puts what the server did not take in front of the queue. */
async function sendAgain(batch: Batch, result: SendResult & { status: 'retry' }, run: Run): Promise<boolean> {
  const { options, signal } = run;
  const rejections = result.rejected ?? [];
  if (!(await settleRejected(batch, { rejections, reduction: 'bodies-as-text' }, run))) return false;
  if (result.which?.length === 0) return true;
  if (result.which !== undefined) batch.keep(result.which);
  const waitMs = backoffMs(run.attempt, options.random, result.retry.afterMs);
  run.attempt += 1;
  // Some documents taken, others not: the sink works, it is only busy.
  options.onSinkState(result.which === undefined ? result.retry.reason : '', result.retry.detail);
  const { reason, detail } = result.retry;
  const event = { documents: batch.count, attempt: run.attempt, waitMs, reason, detail };
  options.telemetry.emit({ kind: 'batch-retry', ...event, ...options.labels });
  run.pending.unshift(batch);
  await options.clock.delay(waitMs, signal);
  return !signal.aborted;
}

/** The server finds the request too large: two halves instead, or one document without what makes it large. */
async function makeSmaller(batch: Batch, detail: string, run: Run): Promise<boolean> {
  const { telemetry, labels } = run.options;
  if (batch.count > 1) {
    telemetry.emit({ kind: 'batch-split', documents: batch.count, detail, ...labels });
    const middle = batch.count >> 1;
    run.pending.unshift(batch.part(0, middle), batch.part(middle, batch.count));
    return true;
  }
  const rejections = [{ index: 0, kind: 'too-large', detail }];
  return settleRejected(batch, { rejections, reduction: 'without-bodies' }, run);
}

/** Sends refused documents once more in another form; what has none left becomes a dead letter. */
async function settleRejected(
  batch: Batch,
  refused: { rejections: readonly Rejection[]; reduction: Reduction },
  run: Run,
): Promise<boolean> {
  if (refused.rejections.length === 0) return true;
  const { options, signal } = run;
  const dead: DeadDocument[] = [];
  const reduced: Batch[] = [];
  for (const { index, kind, detail } of refused.rejections) {
    const smaller = options.sink.reduce(batch, index, refused.reduction, kind);
    if (smaller === undefined) {
      dead.push({ batch, index, reason: kind, detail });
      continue;
    }
    options.telemetry.emit({
      kind: 'document-reduced',
      reduction: refused.reduction,
      why: kind,
      ...options.labels,
    });
    reduced.push(smaller);
    if (sizeOf(reduced) >= REDUCED_BATCH_BYTES && !(await sendReduced(reduced.splice(0), run))) return false;
  }
  if (reduced.length > 0 && !(await sendReduced(reduced, run))) return false;
  return dead.length === 0 || options.bury(dead, signal);
}

/** Runs its own queue to the end, so that no more than one collection of reduced documents is in memory. */
async function sendReduced(reduced: readonly Batch[], run: Run): Promise<boolean> {
  const inner: Run = { ...run, pending: [joined(reduced)], attempt: 0 };
  if (!(await sendPending(inner))) return false;
  run.attempts = inner.attempts;
  run.sinkState = inner.sinkState;
  return true;
}

function joined(batches: readonly Batch[]): Batch {
  const [only] = batches;
  if (only !== undefined && batches.length === 1) return only;
  const all = new Batch(Buffer.allocUnsafeSlow(sizeOf(batches)));
  all.openedAtMs = only?.openedAtMs ?? 0;
  for (const batch of batches) all.append(batch);
  return all;
}

function sizeOf(batches: readonly Batch[]): number {
  return batches.reduce((sum, batch) => sum + batch.length, 0);
}
