import type { SinkReason } from '../errors.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';
import type { ShipperStatus } from './shipper-status.ts';

interface SinkStateOptions {
  readonly status: ShipperStatus;
  readonly labels: ShipperLabels;
  readonly telemetry: Telemetry;
}

/** One write of dead letters, as far as it concerns whether the sink goes on. */
export interface LetterWait {
  /** There is no room for them now. */
  readonly blocked: (detail: string) => void;
  readonly ended: () => void;
}

/**
 * Whether a sink takes events, told once when that changes. Two things stop it: its server, and dead letters that have no room. The
 * second one stands over the first: a batch that is delivered meanwhile does not make a sink ready that waits for room.
 */
export class SinkState {
  readonly #options: SinkStateOptions;
  #reason: SinkReason | '' = '';
  #detail = '';
  readonly #blocked = new Map<LetterWait, string>();

  constructor(options: SinkStateOptions) {
    this.#options = options;
  }

  /** What delivery says; an empty reason: the sink takes events. */
  delivery(reason: SinkReason | '', detail: string): void {
    this.#reason = reason;
    this.#detail = detail;
    this.#show();
  }

  /** For a write of dead letters that begins. */
  letters(): LetterWait {
    const { status } = this.#options;
    status.waitingFor = 'dead-letter-room';
    const wait: LetterWait = {
      blocked: (detail) => {
        this.#blocked.set(wait, detail);
        this.#show();
      },
      ended: () => {
        status.waitingFor = '';
        if (this.#blocked.delete(wait)) this.#show();
      },
    };
    return wait;
  }

  #show(): void {
    const { status, telemetry, labels } = this.#options;
    const [full] = this.#blocked.values();
    const reason = full === undefined ? this.#reason : 'dead-letter-full';
    const detail = full ?? this.#detail;
    const changed = status.sinkReason !== reason;
    status.sinkReady = reason === '';
    status.sinkReason = reason;
    status.sinkDetail = detail;
    if (changed) telemetry.emit({ kind: 'sink-state', ready: status.sinkReady, reason, detail, ...labels });
  }
}
