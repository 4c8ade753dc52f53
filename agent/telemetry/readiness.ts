/** How one shipper is, as the health endpoints need it. */
export interface ShipperHealth {
  readonly log: string;
  readonly sink: string;
  readonly logReadable: boolean;
  readonly sinkReady: boolean;
  readonly sinkReason: string;
  readonly sinkDetail: string;
  /** What it waits for; empty while it turns. */
  readonly waitingFor: string;
  /** Monotonic time of the loop's last turn, ms. */
  readonly lastTurnMs: number;
  readonly lagBytes: number;
  readonly lagSeconds: number;
}

export interface ReadinessReport {
  readonly ready: boolean;
  readonly logs: readonly { readonly name: string; readonly readable: boolean }[];
  readonly sinks: readonly {
    readonly name: string;
    readonly log: string;
    readonly ready: boolean;
    readonly reason?: string;
    readonly detail?: string;
    readonly lagBytes: number;
    readonly lagSeconds: number;
  }[];
}

/** Ready once there are shippers, and while every log can be read. A dead sink is shown but blocks no roll-out: another agent could not reach it either. */
export function readinessReport(shippers: readonly ShipperHealth[]): ReadinessReport {
  const readable = new Map<string, boolean>();
  for (const { log, logReadable } of shippers) readable.set(log, (readable.get(log) ?? true) && logReadable);
  return {
    ready: shippers.length > 0 && [...readable.values()].every(Boolean),
    logs: [...readable].map(([name, isReadable]) => ({ name, readable: isReadable })),
    sinks: shippers.map((shipper) => ({
      name: shipper.sink,
      log: shipper.log,
      ready: shipper.sinkReady,
      ...(shipper.sinkReady ? {} : { reason: shipper.sinkReason, detail: shipper.sinkDetail }),
      lagBytes: shipper.lagBytes,
      lagSeconds: shipper.lagSeconds,
    })),
  };
}

/** Whether every loop turns, or waits for something that has a name: a hanging sink is no reason to kill the agent. */
export function loopsTurn(
  shippers: readonly ShipperHealth[],
  limits: { readonly nowMs: number; readonly maxSilenceMs: number },
): boolean {
  return shippers.every(
    (shipper) => shipper.waitingFor !== '' || limits.nowMs - shipper.lastTurnMs < limits.maxSilenceMs,
  );
}
