import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import type { SinkContext } from '../sink/definition.ts';
import type { Telemetry } from '../telemetry/events.ts';
import { AGENT_VERSION } from './version.ts';

interface ContextOptions {
  readonly config: Config;
  readonly sinkName: string;
  readonly logName: string;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly env: SinkContext['env'];
}

/** What a sink is given beside its own settings. */
export function sinkContext(options: ContextOptions): SinkContext {
  const { config, sinkName, logName, telemetry, clock, env } = options;
  return {
    name: sinkName,
    document: {
      nodeName: config.node.name,
      clusterName: config.cluster.name,
      agentVersion: AGENT_VERSION,
      logName,
    },
    telemetry,
    nowMs: clock.nowMs,
    env,
  };
}
