import { InvariantError } from '../errors.ts';
import type { LogPosition } from '../log/log.ts';

/** What is on record once everything up to a position has been settled. */
export interface Checkpoint {
  readonly position: LogPosition;
  /** `stageTimestamp` of the last event before the position, ms since the epoch; 0 where there was none. */
  readonly lastStageMs: number;
  /** What the sink wants back after a restart; see SendResult. */
  readonly sinkState: unknown;
}

/** A range of the log that is on its way: from where the range before it ends to `end`. */
export interface OpenRange {
  readonly end: LogPosition;
  readonly lastStageMs: number;
}

interface Entry extends OpenRange {
  settled: boolean;
  sinkState: unknown;
}

/**
 * Knows which ranges of a log are settled. Ranges are opened in log order and may be settled in any; the checkpoint moves only over
 * a run of settled ranges without a hole, so it never passes an event that is still on its way.
 */
export class Ledger {
  readonly #open: Entry[] = [];
  #checkpoint: Checkpoint | undefined;
  #sinkState: unknown;

  constructor(start: Checkpoint | undefined) {
    this.#checkpoint = start;
    this.#sinkState = start?.sinkState;
  }

  /** Everything before its position is settled. Undefined while nothing is. */
  get checkpoint(): Checkpoint | undefined {
    return this.#checkpoint;
  }

  /** Ranges that are not settled yet, or wait for one before them. */
  get openRanges(): number {
    return this.#open.length;
  }

  open(range: OpenRange): OpenRange {
    const entry: Entry = { ...range, settled: false, sinkState: undefined };
    this.#open.push(entry);
    return entry;
  }

  /** Marks a range as settled: every event in it is delivered or a dead letter. */
  settle(range: OpenRange, sinkState?: unknown): void {
    const entry = this.#open.find((one) => one === range);
    if (entry === undefined || entry.settled)
      throw new InvariantError('a range was settled that is not open');
    entry.settled = true;
    entry.sinkState = sinkState;
    this.#advance();
  }

  #advance(): void {
    for (let first = this.#open[0]; first?.settled === true; first = this.#open[0]) {
      this.#open.shift();
      if (first.sinkState !== undefined) this.#sinkState = first.sinkState;
      const lastStageMs = first.lastStageMs || (this.#checkpoint?.lastStageMs ?? 0);
      this.#checkpoint = { position: first.end, lastStageMs, sinkState: this.#sinkState };
    }
  }
}
