import type { Clock } from '../clock.ts';
import { errorText } from '../errors.ts';
import type { Checkpoint, Ledger } from '../checkpoint/ledger.ts';
import type { PositionFile } from '../checkpoint/position-file.ts';
import type { Sink } from '../sink/sink.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';

interface CheckpointerOptions {
  readonly ledger: Ledger;
  readonly positionFile: PositionFile;
  readonly sink: Sink;
  readonly intervalMs: number;
  readonly labels: ShipperLabels;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
}

/**
 * Brings the ledger's checkpoint to disk, at most once per interval. A checkpoint that cannot be written costs repeats after a crash,
 * never an event, so shipping goes on and the write is tried again.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #written: Checkpoint | undefined;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#written = options.ledger.checkpoint;
  }

  /** Runs until the signal aborts; `write` once more after that for the last word. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.delay(this.#options.intervalMs, signal);
      await this.write();
    }
  }

  async write(): Promise<void> {
    const { ledger, positionFile, sink, telemetry, labels, clock } = this.#options;
    const checkpoint = ledger.checkpoint;
    if (checkpoint === undefined || checkpoint === this.#written) return;
    try {
      // First the sink's own bytes: a position must never cover what a power cut could still take away.
      await sink.sync();
      await positionFile.write(checkpoint);
    } catch (error) {
      telemetry.emit({ kind: 'position-write-failed', detail: errorText(error), ...labels });
      return;
    }
    this.#written = checkpoint;
    const { offset } = checkpoint.position;
    telemetry.emit({ kind: 'position-written', offset, settledAtMs: clock.nowMs(), ...labels });
    await sink.settled?.(checkpoint.sinkState);
  }
}
