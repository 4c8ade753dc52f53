import { systemClock } from '../../agent/clock.ts';
import { loadConfig } from '../../agent/config/load.ts';
import { runAgent } from '../../agent/cli/run-agent.ts';
import type { ShipperStatus } from '../../agent/pipeline/shipper-status.ts';
import { SINK_DEFINITIONS } from '../../agent/sink/registry.ts';
import type { InternalEvent } from '../../agent/telemetry/events.ts';

export interface InProcessAgent {
  readonly events: readonly InternalEvent[];
  readonly statuses: () => readonly ShipperStatus[];
  /** Stops it and waits for its end; rejects with what ended it otherwise. */
  stop(): Promise<void>;
}

/** Runs an agent in this process, where no process of its own is needed. `random` decides how long it waits between attempts. */
export async function startInProcess(file: string, random: () => number): Promise<InProcessAgent> {
  const config = await loadConfig({
    file,
    env: {},
    definitions: SINK_DEFINITIONS,
    hostName: 'control-plane-1',
  });
  const stop = new AbortController();
  const events: InternalEvent[] = [];
  let statuses: readonly ShipperStatus[] = [];
  const run = runAgent(
    {
      config,
      definitions: SINK_DEFINITIONS,
      env: {},
      telemetry: { emit: (event) => void events.push(event) },
      clock: systemClock,
      random,
      onWired: (all) => {
        statuses = all;
      },
    },
    stop.signal,
  );
  // Told by `stop`; without this it would be unhandled until then.
  run.catch(() => {});
  return {
    events,
    statuses: () => statuses,
    stop: () => {
      stop.abort();
      return run;
    },
  };
}
