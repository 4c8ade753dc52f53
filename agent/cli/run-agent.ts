import { join } from 'node:path';
import { type StateLock, tryLockStateDirectory } from '../checkpoint/state-lock.ts';
import type { Clock } from '../clock.ts';
import type { Config, LogSettings, SinkSettings } from '../config/schema.ts';
import { CheckpointError, errorText, InvariantError, isSystemError } from '../errors.ts';
import { createReadBrake } from '../log/read-brake.ts';
import { createLogWake } from '../log/wake.ts';
import { ByteBudget } from '../memory/byte-budget.ts';
import { shipperReserveBytes } from '../memory/footprint.ts';
import type { ShipperSignals } from '../pipeline/shipper.ts';
import type { ShipperStatus } from '../pipeline/shipper-status.ts';
import { DeadLetterStore } from '../sink/dead-letter/dead-letter-store.ts';
import type { SinkDefinition } from '../sink/definition.ts';
import type { Sink } from '../sink/sink.ts';
import type { Telemetry } from '../telemetry/events.ts';
import { sinkContext } from './sink-context.ts';
import { AGENT_VERSION } from './version.ts';
import { type SharedLog, type WiredShipper, wireShipper } from './wire-shipper.ts';

/** How often a second agent looks whether the first has gone. */
const LOCK_RETRY_MS = 2_000;
/** How long the others may take to end when one shipper has failed: a bug may have left one stuck, and the process must end. */
const FAILURE_LIMIT_MS = 5_000;

export interface AgentOptions {
  readonly config: Config;
  readonly definitions: readonly SinkDefinition[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told of the shippers once they are put together, before they run. */
  readonly onWired: (statuses: readonly ShipperStatus[]) => void;
}

/**
 * Runs the agent until `stop` aborts and everything read has been delivered, or the shutdown time is over. Rejects for a bug and for
 * what cannot be mended while running (a position file of a later program).
 */
export async function runAgent(options: AgentOptions, stop: AbortSignal): Promise<void> {
  const { config, telemetry } = options;
  const lock = await lockState(options, stop);
  if (lock === undefined) return;
  const ending = endingOf(stop, config.shutdownTimeoutMs);
  const logs = config.logs.map((settings) => sharedLog(settings, options));
  try {
    const shippers = await wireAll(options, { logs, signals: ending.signals });
    options.onWired(shippers.map(({ status }) => status));
    telemetry.emit({
      kind: 'agent-started',
      version: AGENT_VERSION,
      logs: config.logs.length,
      sinks: config.sinks.length,
    });
    await runAll(shippers, ending, options.clock);
    telemetry.emit({ kind: 'agent-stopped', drained: !ending.signals.kill.aborted });
  } finally {
    ending.clear();
    await Promise.all(logs.map(({ wake }) => wake.close()));
    await lock.release();
  }
}

/** Waits until no other agent uses the state directory; undefined when stopped before that. */
async function lockState(options: AgentOptions, stop: AbortSignal): Promise<StateLock | undefined> {
  const { config, telemetry, clock } = options;
  while (!stop.aborted) {
    const attempt = await tryLockStateDirectory(config.stateDir).catch((error: unknown) => {
      const detail = `stateDir ${config.stateDir} cannot be used: ${errorText(error)}`;
      throw isSystemError(error) ? new CheckpointError('CHECKPOINT_WRITE', detail, { cause: error }) : error;
    });
    if (attempt.status === 'held') return attempt.lock;
    telemetry.emit({ kind: 'state-directory-locked', directory: config.stateDir, holder: attempt.holder });
    await clock.delay(LOCK_RETRY_MS, stop);
  }
  return undefined;
}

interface Ending {
  readonly signals: ShipperSignals;
  /** Ends all shippers at once. */
  readonly fail: () => void;
  readonly clear: () => void;
}

/** `kill` follows `stop` when the shutdown time is over: what is not delivered by then stays in the log. */
function endingOf(stop: AbortSignal, shutdownTimeoutMs: number): Ending {
  const failed = new AbortController();
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onStop = (): void => {
    // Whoever read standard output has gone and will not come back; what was on its way there stays in the log.
    const timeoutMs = stop.reason === 'EPIPE' ? 0 : shutdownTimeoutMs;
    timer = setTimeout(() => late.abort(), timeoutMs);
  };
  if (stop.aborted) onStop();
  else stop.addEventListener('abort', onStop, { once: true });
  return {
    signals: {
      stop: AbortSignal.any([stop, failed.signal]),
      kill: AbortSignal.any([late.signal, failed.signal]),
    },
    fail: () => failed.abort(),
    clear: () => {
      stop.removeEventListener('abort', onStop);
      clearTimeout(timer);
    },
  };
}

/** Rejects with the failure of one shipper when the others have ended too: none may go on without the lock. */
async function runAll(shippers: readonly WiredShipper[], ending: Ending, clock: Clock): Promise<void> {
  const runs = shippers.map((shipper) => shipper.run());
  try {
    await Promise.all(runs);
  } catch (error) {
    ending.fail();
    const allEnded = new AbortController();
    void Promise.allSettled(runs).then(() => allEnded.abort());
    await clock.delay(FAILURE_LIMIT_MS, allEnded.signal);
    throw error;
  }
}

function sharedLog(settings: LogSettings, { telemetry, clock }: AgentOptions): SharedLog {
  const labels = { log: settings.name, sink: '' };
  return {
    settings,
    wake: createLogWake({ path: settings.path, labels, telemetry, clock }),
    brake: createReadBrake(settings.maxReadBytesPerSecond, clock),
  };
}

async function wireAll(
  options: AgentOptions,
  { logs, signals }: { logs: readonly SharedLog[]; signals: ShipperSignals },
): Promise<readonly WiredShipper[]> {
  const { config, telemetry, clock } = options;
  const budget = new ByteBudget(config.memory.maxBufferedBytes);
  const directory = join(config.stateDir, 'dead-letter');
  const { maxBytes } = config.deadLetter;
  const deadLetters = await DeadLetterStore.open({ directory, maxBytes, telemetry, clock });
  const wired: WiredShipper[] = [];
  for (const log of logs) {
    for (const settings of config.sinks) {
      // The configuration was refused if this did not fit.
      if (!budget.reserve(shipperReserveBytes(settings.batch.maxBytes)))
        throw new InvariantError('the reserves of the shippers are larger than the byte budget');
      wired.push(await wireOne(options, { log, settings, budget, deadLetters, signals }));
    }
  }
  return wired;
}

interface Pair {
  readonly log: SharedLog;
  readonly settings: SinkSettings;
  readonly budget: ByteBudget;
  readonly deadLetters: DeadLetterStore;
  readonly signals: ShipperSignals;
}

async function wireOne(options: AgentOptions, pair: Pair): Promise<WiredShipper> {
  const { config, telemetry, clock, random } = options;
  const { log, settings, budget, deadLetters, signals } = pair;
  const sink = await createSink(options, settings, log.settings.name);
  return wireShipper(
    {
      log,
      sinkName: settings.name,
      sink,
      limits: settings.batch,
      stateDir: config.stateDir,
      checkpointIntervalMs: config.checkpointIntervalMs,
      nodeName: config.node.name,
      budget,
      deadLetters,
      telemetry,
      clock,
      random,
    },
    signals,
  );
}

/** A sink of its own for each log: sinks share nothing. */
function createSink(options: AgentOptions, settings: SinkSettings, logName: string): Promise<Sink> {
  const { config, definitions, telemetry, clock, env } = options;
  const definition = definitions.find(({ type }) => type === settings.type);
  if (definition === undefined) throw new InvariantError(`no sink of type ${settings.type}`);
  const sinkName = settings.name;
  return definition.create(settings, sinkContext({ config, sinkName, logName, telemetry, clock, env }));
}
