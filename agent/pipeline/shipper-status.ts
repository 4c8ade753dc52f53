import type { SinkReason } from '../errors.ts';
import type { ShipperLabels } from '../telemetry/events.ts';

/** What a shipper waits for; empty while it turns. */
export type WaitingFor = '' | 'sink' | 'memory' | 'dead-letter-room';

/** How a shipper is, for `/livez`, `/readyz` and metrics. Written by the shipper only. */
export interface ShipperStatus {
  readonly log: string;
  readonly sink: string;
  logReadable: boolean;
  sinkReady: boolean;
  /** Why the sink does not take events now; empty while it does. */
  sinkReason: SinkReason | 'dead-letter-full' | '';
  sinkDetail: string;
  waitingFor: WaitingFor;
  /** Monotonic time of the loop's last turn, ms. */
  lastTurnMs: number;
  lagBytes: number;
  lagSeconds: number;
}

export function newShipperStatus({ log, sink }: ShipperLabels, nowMs: number): ShipperStatus {
  return {
    log,
    sink,
    logReadable: false,
    sinkReady: true,
    sinkReason: '',
    sinkDetail: '',
    waitingFor: '',
    lastTurnMs: nowMs,
    lagBytes: 0,
    lagSeconds: 0,
  };
}
