import type { Ledger, OpenRange } from '../checkpoint/ledger.ts';
import type { Clock } from '../clock.ts';
import type { BatchSettings } from '../config/schema.ts';
import type { LogPosition } from '../log/log.ts';
import type { ByteBudget } from '../memory/byte-budget.ts';
import type { Batch } from '../sink/batch.ts';
import { BatchPool } from './batch-pool.ts';
import { deliver, type DeliveryOptions } from './delivery.ts';
import type { ShipperStatus } from './shipper-status.ts';

export interface OutboxOptions {
  readonly limits: BatchSettings;
  readonly ledger: Ledger;
  readonly budget: ByteBudget;
  readonly delivery: DeliveryOptions;
  readonly status: ShipperStatus;
  readonly clock: Clock;
}

/**
 * The batches of a shipper: the open one, and those on their way. Keeps the ledger's ranges in log order, so that the checkpoint
 * follows whatever order the answers come in.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #kill: AbortSignal;
  readonly #pool: BatchPool;
  readonly #inFlight = new Set<Promise<void>>();
  #open: Batch | undefined;
  /** Everything before its end is in a batch, is a dead letter or is blank; undefined while nothing new is. */
  #passed: OpenRange | undefined;
  /** Where the last range ended. */
  #lastEnd: LogPosition | undefined;
  #sentLineBytes = 0;

  constructor(options: OutboxOptions, kill: AbortSignal) {
    this.#options = options;
    this.#kill = kill;
    const maxBatches = options.delivery.sink.maxInFlight + 1;
    this.#lastEnd = options.ledger.checkpoint?.position;
    this.#pool = new BatchPool({ maxBytes: options.limits.maxBytes, maxBatches, budget: options.budget });
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Bytes of lines that were read and are not settled. */
  get unsettledBytes(): number {
    return this.#sentLineBytes + (this.#open?.lineBytes ?? 0);
  }

  /** How long the open batch may still wait, ms; undefined while it is empty. */
  get patienceMs(): number | undefined {
    const open = this.#open;
    if (open === undefined || open.count === 0 || this.#lastEnd === undefined) return undefined;
    return Math.max(0, open.openedAtMs + this.#options.limits.maxAgeMs - this.#options.clock.nowMs());
  }

  /** The batch to encode into. Waits while all are on their way; undefined when killed. */
  async batch(): Promise<Batch | undefined> {
    while (this.#open === undefined && !this.#kill.aborted) {
      this.#open = this.#pool.take();
      if (this.#open === undefined) await this.#oneBack();
    }
    // A full batch that nobody takes any more would be asked for again and again.
    if (this.#kill.aborted || this.#open === undefined) return undefined;
    if (this.#open.count === 0) this.#open.openedAtMs = this.#options.clock.nowMs();
    return this.#open;
  }

  /** Notes that everything before the position is in the open batch, in an earlier one, or needs no delivery. */
  pass(position: LogPosition, lastStageMs: number): void {
    this.#lastEnd = position;
    this.#passed = { end: position, lastStageMs: lastStageMs || (this.#passed?.lastStageMs ?? 0) };
  }

  /** The same for a range that was delivered outside the outbox, while nothing is on its way. */
  passDelivered(position: LogPosition, lastStageMs: number, sinkState: unknown): void {
    this.#passed = undefined;
    this.#lastEnd = position;
    const { ledger } = this.#options;
    ledger.settle(ledger.open({ end: position, lastStageMs }), sinkState);
  }

  /** Puts the open batch on its way, or settles what was passed without any document. Waits while too many are on their way. */
  async dispatch(): Promise<void> {
    const open = this.#open;
    if (open === undefined || open.count === 0) return this.#settlePassed();
    while (this.#inFlight.size >= this.#options.delivery.sink.maxInFlight) await this.#oneBack();
    const range = this.#takeRange();
    if (this.#kill.aborted || range === undefined) return;
    this.#open = undefined;
    this.#sentLineBytes += open.lineBytes;
    const sent = this.#send(open, range).finally(() => this.#inFlight.delete(sent));
    this.#inFlight.add(sent);
  }

  /** Waits until nothing is on its way. */
  async settled(): Promise<void> {
    while (this.#inFlight.size > 0) await this.#oneBack();
  }

  /** Lets go of memory that is not in use. */
  trim(): void {
    if (this.#open?.count === 0) {
      this.#pool.give(this.#open);
      this.#open = undefined;
    }
    this.#pool.trim();
  }

  #settlePassed(): void {
    if (this.#passed === undefined) return;
    const { ledger } = this.#options;
    ledger.settle(ledger.open(this.#passed));
    this.#passed = undefined;
  }

  /**
   * The range that the open batch stands for. A batch of nothing but own records moves no position, but it has its place in the order
   * all the same; before the first position there is none, and it waits for the first line.
   */
  #takeRange(): OpenRange | undefined {
    const range = this.#passed ?? (this.#lastEnd && { end: this.#lastEnd, lastStageMs: 0 });
    this.#passed = undefined;
    return range;
  }

  async #send(batch: Batch, range: OpenRange): Promise<void> {
    const { ledger, delivery } = this.#options;
    const { lineBytes } = batch;
    const open = ledger.open(range);
    const outcome = await deliver(batch, delivery, this.#kill);
    if (outcome.status === 'settled') ledger.settle(open, outcome.sinkState);
    this.#sentLineBytes -= lineBytes;
    this.#pool.give(batch);
  }

  async #oneBack(): Promise<void> {
    const { status } = this.#options;
    status.waitingFor = 'sink';
    await Promise.race(this.#inFlight);
    status.waitingFor = '';
  }
}
