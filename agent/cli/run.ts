import type { Command } from 'commander';
import { createAgentMetrics } from '../telemetry/agent-metrics.ts';
import { createTelemetry } from '../telemetry/agent-telemetry.ts';
import { createLogger } from '../telemetry/logger.ts';
import { MetricRegistry } from '../telemetry/metrics.ts';
import { registerProcessMetrics } from '../telemetry/process-metrics.ts';
import { loopsTurn, readinessReport } from '../telemetry/readiness.ts';
import { openTelemetryServer } from '../telemetry/server.ts';
import type { Config } from '../config/schema.ts';
import type { ShipperStatus } from '../pipeline/shipper-status.ts';
import type { CommandContext } from './command-context.ts';
import { loadConfigFor, withConfigOption } from './config-option.ts';
import { runAgent } from './run-agent.ts';

/** A loop that does not turn for so long, and does not say what it waits for, is stuck. */
const MAX_SILENCE_MS = 120_000;

export function registerRun(program: Command, context: CommandContext): void {
  withConfigOption(program.command('run'))
    .description('follow the logs and ship their events, until SIGTERM')
    .action(async ({ config: file }: { config: string }) => {
      await run(await loadConfigFor(context, file), context);
    });
}

async function run(config: Config, context: CommandContext): Promise<void> {
  // A sink that writes events to standard output must have it for itself.
  const descriptor = config.sinks.some(({ type }) => type === 'stdout') ? 2 : 1;
  const log = createLogger({ level: config.telemetry.logLevel, descriptor });
  const registry = new MetricRegistry();
  registerProcessMetrics(registry);
  const { clock } = context;
  const metrics = createAgentMetrics(registry);
  const telemetry = createTelemetry({ logger: log.logger, metrics, monotonicMs: clock.monotonicMs });
  let statuses: readonly ShipperStatus[] = [];
  const server = await openTelemetryServer({
    ...config.telemetry.listen,
    liveness: () => loopsTurn(statuses, { nowMs: clock.monotonicMs(), maxSilenceMs: MAX_SILENCE_MS }),
    readiness: () => readinessReport(statuses),
    metrics: () => registry.render(),
  });
  telemetry.emit({ kind: 'telemetry-listening', address: server.address, port: server.port });
  const { signal } = context;
  const onStop = (): void => telemetry.emit({ kind: 'agent-stopping', reason: String(signal.reason) });
  signal.addEventListener('abort', onStop, { once: true });
  try {
    await runAgent(
      {
        config,
        definitions: context.definitions,
        env: context.env,
        telemetry,
        clock,
        random: Math.random,
        onWired: (all) => {
          statuses = all;
        },
      },
      signal,
    );
  } finally {
    await server.close();
    log.flush();
  }
}
