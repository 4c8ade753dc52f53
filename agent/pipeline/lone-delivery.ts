import type { Clock } from '../clock.ts';
import type { EventRecord } from '../event/record.ts';
import type { ByteBudget } from '../memory/byte-budget.ts';
import { batchFootprintBytes } from '../memory/footprint.ts';
import { Batch } from '../sink/batch.ts';
import type { Retry, Sink } from '../sink/sink.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';
import { backoffMs } from './backoff.ts';
import { type DeliveryOptions, deliverOnce } from './delivery.ts';
import type { ShipperStatus } from './shipper-status.ts';

export interface LoneDeliveryOptions {
  readonly sink: Sink;
  readonly budget: ByteBudget;
  readonly delivery: DeliveryOptions;
  readonly labels: ShipperLabels;
  readonly telemetry: Telemetry;
  readonly status: ShipperStatus;
  readonly clock: Clock;
}

export type LoneOutcome =
  | { status: 'shipped'; sinkState: unknown }
  /** Not now: give back all memory, wait, and read the line again. */
  | { status: 'later'; waitMs: number }
  /** Not even its envelope fits into the budget. */
  | { status: 'too-large' }
  | { status: 'stopped' };

/**
 * Ships one document that is larger than a batch. Its memory is leased for one attempt only and not held while the sink is away, so
 * that one sink's outage cannot keep a large line from the others.
 */
export class LoneDelivery {
  readonly #options: LoneDeliveryOptions;
  readonly #kill: AbortSignal;
  #attempt = 0;

  constructor(options: LoneDeliveryOptions, kill: AbortSignal) {
    this.#options = options;
    this.#kill = kill;
  }

  async ship(record: EventRecord, neededBytes: number): Promise<LoneOutcome> {
    const { sink, budget, telemetry, labels } = this.#options;
    const whole = batchFootprintBytes(neededBytes);
    // The line itself is in memory too while its document is made.
    const fits = record.lineBytes + whole <= budget.leasableBytes;
    if (fits) return this.#attemptWith(whole, neededBytes, (batch) => sink.encode(record, batch));
    const needed = sink.encodeReduced(record, new Batch(Buffer.alloc(0)));
    if (record.lineBytes + batchFootprintBytes(needed) > budget.leasableBytes) return { status: 'too-large' };
    telemetry.emit({ kind: 'document-reduced', reduction: 'without-bodies', why: 'memory', ...labels });
    return this.#attemptWith(batchFootprintBytes(needed), needed, (batch) =>
      sink.encodeReduced(record, batch),
    );
  }

  async #attemptWith(
    leaseBytes: number,
    bufferBytes: number,
    encode: (batch: Batch) => number,
  ): Promise<LoneOutcome> {
    const { budget, clock } = this.#options;
    const lease = budget.tryAcquire(leaseBytes);
    if (lease === undefined) return { status: 'later', waitMs: this.#nextWaitMs() };
    try {
      const batch = new Batch(Buffer.allocUnsafeSlow(bufferBytes));
      batch.openedAtMs = clock.nowMs();
      return encode(batch) > 0 ? { status: 'too-large' } : await this.#send(batch);
    } finally {
      lease.release();
    }
  }

  async #send(batch: Batch): Promise<LoneOutcome> {
    const { status, delivery } = this.#options;
    status.waitingFor = 'sink';
    const outcome = await deliverOnce(batch, delivery, this.#kill);
    status.waitingFor = '';
    if (outcome.status === 'retry') return this.#retryLater(outcome.retry);
    this.#attempt = 0;
    return outcome.status === 'settled' ? { status: 'shipped', sinkState: outcome.sinkState } : outcome;
  }

  #retryLater({ reason, detail, afterMs }: Retry): LoneOutcome {
    const { telemetry, labels } = this.#options;
    const waitMs = this.#nextWaitMs(afterMs);
    telemetry.emit({
      kind: 'batch-retry',
      documents: 1,
      attempt: this.#attempt,
      waitMs,
      reason,
      detail,
      ...labels,
    });
    return { status: 'later', waitMs };
  }

  #nextWaitMs(askedMs?: number): number {
    const waitMs = backoffMs(this.#attempt, this.#options.delivery.random, askedMs);
    this.#attempt += 1;
    return waitMs;
  }
}
