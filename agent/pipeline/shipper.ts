import type { Ledger } from '../checkpoint/ledger.ts';
import type { Clock } from '../clock.ts';
import type { BatchSettings } from '../config/schema.ts';
import { type DecodeReason, InvariantError } from '../errors.ts';
import type { OwnRecord } from '../event/own-record.ts';
import type { LogFile, LogFollower, LogGap, LogPosition, LogStep } from '../log/log.ts';
import type { ByteBudget } from '../memory/byte-budget.ts';
import type { Sink } from '../sink/sink.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';
import type { DeliveryOptions } from './delivery.ts';
import { gapRecord } from './gap.ts';
import { LineEncoder, type LinesStep } from './line-encoder.ts';
import { type LinePiece, linePieces } from './line-pieces.ts';
import { Outbox } from './outbox.ts';
import { LoneDelivery } from './lone-delivery.ts';
import type { ShipperStatus } from './shipper-status.ts';

const LINE_FEED = 10;
/** The longest wait for something to happen in a quiet log; the follower looks more often than that by itself. */
const LONGEST_WAIT_MS = 1_000;
const LAG_INTERVAL_MS = 1_000;
/** Buffers are let go after this long without a line. */
const QUIET_MS = 5_000;
/** A gap is told without knowing what follows it after this long. */
const GAP_PATIENCE_MS = 10_000;

/** A line that is no event, on its way to the dead letter file. */
export interface DeadLine {
  readonly reason: DecodeReason;
  readonly file: LogFile;
  readonly start: number;
  readonly end: number;
  /** Absent where the line is too long to be kept: the dead letter then names its range only. */
  readonly line: Buffer | undefined;
}

export interface ShipperOptions {
  readonly labels: ShipperLabels;
  readonly nodeName: string;
  /** A cursor that begins at the position, or, without one, at the oldest file. */
  readonly openFollower: (start: LogPosition | undefined) => LogFollower;
  readonly sink: Sink;
  readonly ledger: Ledger;
  readonly limits: BatchSettings;
  readonly budget: ByteBudget;
  readonly delivery: DeliveryOptions;
  /** Puts a line on record durably; false when the signal aborted before it was done. */
  readonly bury: (line: DeadLine, signal: AbortSignal) => Promise<boolean>;
  readonly status: ShipperStatus;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
}

interface PendingGap {
  readonly gap: LogGap;
  readonly sinceMs: number;
  readonly lastBeforeMs: number;
}

/** `stop`: read no more, but deliver what was read. `kill`: stop waiting for the sink as well. */
export interface ShipperSignals {
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
}

/**
 * One log, one sink, one loop that pulls: read the next step at the cursor, encode its lines, hand full or old batches to delivery,
 * wait while enough of them are on their way. It knows nothing of other shippers.
 */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #signals: ShipperSignals;
  readonly #encoder: LineEncoder;
  readonly #outbox: Outbox;
  readonly #lone: LoneDelivery;
  #follower: LogFollower | undefined;
  #lastStageMs: number;
  #firstStageMs = 0;
  /** Gaps that were met and are not told yet: what follows them was not read. */
  readonly #gaps: PendingGap[] = [];
  #ownRecords = 0;
  /** Bytes of the step in hand that are in no batch yet. */
  #heldBytes = 0;
  #lastStepMs = 0;
  #lastLagMs = Number.NEGATIVE_INFINITY;

  constructor(options: ShipperOptions, signals: ShipperSignals) {
    this.#options = options;
    this.#signals = signals;
    this.#encoder = new LineEncoder(options.sink);
    this.#outbox = new Outbox(options, signals.kill);
    this.#lone = new LoneDelivery(options, signals.kill);
    this.#lastStageMs = options.ledger.checkpoint?.lastStageMs ?? 0;
  }

  /** Resolves once stopped and drained, or killed. Rejects only for a bug. */
  async run(): Promise<void> {
    const { stop, kill } = this.#signals;
    try {
      this.#follower = this.#options.openFollower(this.#options.ledger.checkpoint?.position);
      while (!stop.aborted) await this.#turn(this.#follower);
      if (!kill.aborted) await this.#outbox.dispatch();
      await this.#outbox.settled();
    } finally {
      await this.#follower?.close();
    }
  }

  async #turn(follower: LogFollower): Promise<void> {
    const { status, clock } = this.#options;
    status.lastTurnMs = clock.monotonicMs();
    status.logReadable = follower.readable();
    const step = await follower.next(this.#signals.stop);
    if (this.#signals.stop.aborted) return;
    if (step.status === 'idle') await this.#idle(follower);
    else await this.#take(step);
    this.#heldBytes = 0;
    if (this.#outbox.patienceMs === 0) await this.#dispatch();
    // A cursor that was closed over a large line does not know any more how far it is behind.
    if (follower === this.#follower) this.#reportLag();
  }

  async #take(step: Exclude<LogStep, { status: 'idle' }>): Promise<void> {
    this.#lastStepMs = this.#options.clock.monotonicMs();
    switch (step.status) {
      case 'lines':
        return this.#takeLines(step);
      case 'incomplete-line': {
        const end = step.offset + (step.end - step.start);
        const line = step.bytes.subarray(step.start, step.end);
        return this.#bury({ reason: 'incomplete-line', file: step.file, start: step.offset, end, line }, end);
      }
      case 'oversize-line': {
        const { file, offset: start, endOffset: end } = step;
        return this.#bury({ reason: 'oversize', file, start, end, line: undefined }, end);
      }
      case 'gap':
        return this.#noteGap(step.gap);
    }
  }

  async #takeLines(step: LinesStep): Promise<void> {
    const encoder = this.#encoder;
    encoder.begin(step);
    this.#heldBytes = step.end - step.start;
    for (;;) {
      const batch = await this.#outlast(this.#outbox.batch());
      if (batch === undefined) return;
      const stop = encoder.encode(batch, this.#options.limits.maxEvents);
      this.#pass(step, encoder.at);
      if (stop === 'end') break;
      if (stop === 'unusual') {
        if (!(await this.#takeUnusual(step))) return;
      } else if (batch.count > 0) await this.#dispatch();
      else if (!(await this.#takeLarge(step, encoder.neededBytes))) return;
    }
    if (this.#gaps.length > 0 && encoder.firstStageMs > 0) await this.#tellGaps(encoder.firstStageMs);
    this.#reportLines();
  }

  /** Notes how far the step has been taken. */
  #pass(step: LinesStep, at: number): void {
    this.#heldBytes = step.end - at;
    if (this.#encoder.lastStageMs > 0) this.#lastStageMs = this.#encoder.lastStageMs;
    this.#firstStageMs ||= this.#encoder.firstStageMs;
    this.#outbox.pass({ file: step.file, offset: step.offset + (at - step.start) }, this.#lastStageMs);
  }

  /** The line at the encoder's place is not as the API server writes events. False when the step must be left. */
  async #takeUnusual(step: LinesStep): Promise<boolean> {
    const { at } = this.#encoder;
    this.#encoder.unusualLines += 1;
    const end = step.bytes.indexOf(LINE_FEED, at);
    for (const piece of linePieces(step.bytes.subarray(at, end), step.offset + (at - step.start))) {
      if (!(await this.#takePiece(step.file, piece))) return false;
    }
    this.#encoder.skipTo(end + 1);
    this.#pass(step, end + 1);
    return true;
  }

  async #takePiece(file: LogFile, piece: LinePiece): Promise<boolean> {
    const { offset, lineBytes } = piece;
    if (piece.kind === 'dead') {
      const dead = { reason: piece.reason, file, start: offset, end: offset + lineBytes, line: piece.line };
      return this.#buryLine(dead);
    }
    for (;;) {
      const batch = await this.#outlast(this.#outbox.batch());
      if (batch === undefined) return false;
      const needed = this.#encoder.encodePiece(file, piece, batch);
      if (needed === 0) return true;
      if (batch.count > 0) await this.#dispatch();
      else return this.#shipAlone({ file, offset }, needed);
    }
  }

  /** The line at the encoder's place makes a document larger than a batch. False when the step must be left. */
  async #takeLarge(step: LinesStep, neededBytes: number): Promise<boolean> {
    const { record } = this.#encoder;
    const position = { file: step.file, offset: record.offset };
    const { end } = record;
    if (!(await this.#shipAlone(position, neededBytes))) return false;
    this.#encoder.skipTo(end);
    this.#pass(step, end);
    return true;
  }

  /**
   * Ships the encoder's record in a batch of its own. False when that was not done: the cursor then stands before its line again, with
   * no memory held meanwhile, and the line comes back as a new step.
   */
  async #shipAlone(position: LogPosition, neededBytes: number): Promise<boolean> {
    await this.#dispatch();
    if (this.#outbox.inFlight > 0) {
      // The sink may be away for hours; a large line must not keep its memory from others for so long.
      await this.#rewind(position, () => this.#outbox.settled());
      return false;
    }
    const { record } = this.#encoder;
    const outcome = await this.#outlast(this.#lone.ship(record, neededBytes));
    const end = position.offset + record.lineBytes;
    switch (outcome.status) {
      case 'shipped':
        this.#outbox.passDelivered(
          { file: position.file, offset: end },
          this.#lastStageMs,
          outcome.sinkState,
        );
        return true;
      case 'too-large':
        return this.#buryLine({
          reason: 'oversize',
          file: position.file,
          start: position.offset,
          end,
          line: undefined,
        });
      case 'later':
        await this.#rewind(position, () => this.#options.clock.delay(outcome.waitMs, this.#signals.stop));
        return false;
      case 'stopped':
        return false;
    }
  }

  async #rewind(position: LogPosition, wait: () => Promise<void>): Promise<void> {
    this.#reportLag();
    await this.#follower?.close();
    this.#follower = undefined;
    await this.#outlast(wait());
    this.#follower = this.#options.openFollower(position);
  }

  async #bury(dead: DeadLine, endOffset: number): Promise<void> {
    this.#heldBytes = endOffset - dead.start;
    if (await this.#buryLine(dead))
      this.#outbox.pass({ file: dead.file, offset: endOffset }, this.#lastStageMs);
  }

  async #buryLine(dead: DeadLine): Promise<boolean> {
    const { telemetry, labels, bury } = this.#options;
    const { reason, file, start, end } = dead;
    telemetry.emit({
      kind: 'line-undecodable',
      reason,
      path: file.path,
      offset: start,
      bytes: end - start,
      ...labels,
    });
    return this.#outlast(bury(dead, this.#signals.kill));
  }

  #noteGap(gap: LogGap): void {
    const { telemetry, labels, clock } = this.#options;
    const { reason, file, offset, unreadBytes } = gap;
    telemetry.emit({
      kind: 'gap',
      reason,
      path: file.path,
      fingerprint: file.fingerprint,
      offset,
      unreadBytes,
      ...labels,
    });
    this.#gaps.push({ gap, sinceMs: clock.monotonicMs(), lastBeforeMs: this.#lastStageMs });
  }

  /** Ships a record of each gap, now that it is known (or given up) what follows it. */
  async #tellGaps(firstAfterMs: number): Promise<void> {
    const { labels, nodeName, clock } = this.#options;
    for (const { gap, lastBeforeMs } of this.#gaps.splice(0)) {
      this.#ownRecords += 1;
      const context = { log: labels.log, node: nodeName, timeMs: clock.nowMs(), counter: this.#ownRecords };
      await this.#shipOwn(gapRecord(gap, { ...context, lastBeforeMs, firstAfterMs }));
    }
  }

  async #shipOwn(record: OwnRecord): Promise<void> {
    for (;;) {
      const batch = await this.#outlast(this.#outbox.batch());
      if (batch === undefined || this.#options.sink.encodeOwn(record, batch) === 0) return;
      // An own record is some hundred bytes: a batch that holds nothing always has room for it.
      if (batch.count === 0) throw new InvariantError('an own record does not fit into an empty batch');
      await this.#dispatch();
    }
  }

  async #idle(follower: LogFollower): Promise<void> {
    const { clock } = this.#options;
    const [gap] = this.#gaps;
    if (gap !== undefined && clock.monotonicMs() - gap.sinceMs > GAP_PATIENCE_MS) await this.#tellGaps(0);
    const { patienceMs } = this.#outbox;
    if (patienceMs === undefined) await this.#dispatch();
    if (clock.monotonicMs() - this.#lastStepMs > QUIET_MS) this.#outbox.trim();
    await follower.wait(Math.min(patienceMs ?? LONGEST_WAIT_MS, LONGEST_WAIT_MS), this.#signals.stop);
  }

  #dispatch(): Promise<void> {
    return this.#outlast(this.#outbox.dispatch());
  }

  /** Waits for what may take hours while the sink is away, and tells meanwhile how the lag grows. */
  async #outlast<Result>(work: Promise<Result>): Promise<Result> {
    const { clock, status } = this.#options;
    const ended = new AbortController();
    const done = work.finally(() => ended.abort());
    for (;;) {
      await Promise.race([done, clock.delay(LAG_INTERVAL_MS, ended.signal)]);
      if (ended.signal.aborted) return done;
      status.lastTurnMs = clock.monotonicMs();
      if (!this.#signals.stop.aborted) await this.#follower?.look(this.#signals.stop);
      this.#reportLag();
    }
  }

  #reportLines(): void {
    const { telemetry, labels } = this.#options;
    const { events, emptyLines: empty, nulBytes, unusualLines: unusual, degraded } = this.#encoder;
    telemetry.emit({ kind: 'lines', events, empty, nulBytes, unusual, degraded, ...labels });
  }

  #reportLag(): void {
    const { telemetry, labels, clock, status, ledger } = this.#options;
    const follower = this.#follower;
    if (follower === undefined) return;
    if (clock.monotonicMs() - this.#lastLagMs < LAG_INTERVAL_MS) return;
    this.#lastLagMs = clock.monotonicMs();
    const { bytes: unread, files, untilDeletionSeconds } = follower.lag();
    const bytes = unread + this.#outbox.unsettledBytes + this.#heldBytes;
    // While nothing was ever settled the first event that was read is the oldest that waits.
    const sinceMs = ledger.checkpoint?.lastStageMs || this.#firstStageMs;
    const seconds = bytes === 0 || sinceMs === 0 ? 0 : Math.max(0, (clock.nowMs() - sinceMs) / 1000);
    status.lagBytes = bytes;
    status.lagSeconds = seconds;
    telemetry.emit({ kind: 'lag', bytes, files, seconds, untilDeletionSeconds, ...labels });
  }
}
