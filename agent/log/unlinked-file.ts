import type { Clock } from '../clock.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';
import type { FileCursor } from './file-cursor.ts';
import type { LogGap } from './log.ts';

const REPEAT_MS = 60_000;

/** Tells that the live file was unlinked under the API server: a gap once, an error about once a minute as long as it lasts. */
export class UnlinkedFile {
  readonly #options: {
    readonly path: string;
    readonly labels: ShipperLabels;
    readonly telemetry: Telemetry;
    readonly clock: Clock;
  };
  #known: { readonly cursor: FileCursor; reportedAtMs: number } | undefined;

  constructor(options: { path: string; labels: ShipperLabels; telemetry: Telemetry; clock: Clock }) {
    this.#options = options;
  }

  /** To be called at each look that finds the cursor's file unlinked. The gap, the first time. */
  note(cursor: FileCursor): LogGap | undefined {
    const { clock, telemetry, labels, path } = this.#options;
    const nowMs = clock.monotonicMs();
    const isNew = this.#known?.cursor !== cursor;
    const known =
      isNew || this.#known === undefined ? { cursor, reportedAtMs: Number.NEGATIVE_INFINITY } : this.#known;
    this.#known = known;
    if (nowMs - known.reportedAtMs >= REPEAT_MS) {
      known.reportedAtMs = nowMs;
      telemetry.emit({ kind: 'live-file-unlinked', path, ...labels });
    }
    const { file, offset } = cursor;
    return isNew ? { reason: 'unlinked', file, offset, unreadBytes: 0 } : undefined;
  }
}
