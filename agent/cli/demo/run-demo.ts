import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { rootSchema } from '../../config/schema.ts';
import { InvariantError } from '../../errors.ts';
import type { ShipperStatus } from '../../pipeline/shipper-status.ts';
import { silentTelemetry } from '../../telemetry/events.ts';
import type { CommandContext } from '../command-context.ts';
import { runAgent } from '../run-agent.ts';
import { ArchiveReader } from './archive-reader.ts';
import { AuditLogWriter } from './audit-log-writer.ts';
import { createDemoScreen, type DemoFigures } from './screen.ts';

const EVENTS_PER_SECOND = 60;
/** Small, so that a rotation comes every few seconds. */
const ROTATE_AT_BYTES = 192 * 1024;
const LOOK_INTERVAL_MS = 1_000;
/** How long is written where nobody watches; with the wait below the whole ends within 20 s. */
const UNWATCHED_MS = 8_000;
/** How long the last events may take to arrive once writing has ended. */
const ARRIVAL_LIMIT_MS = 8_000;

export interface DemoOutcome {
  readonly written: number;
  readonly delivered: number;
  readonly duplicates: number;
  readonly rotations: number;
  /** Holds the log, the archive and the agent's state. */
  readonly directory: string;
}

/**
 * Writes an audit log the way kube-apiserver does and ships it to a `file` sink with the real agent. On a terminal until the signal
 * aborts, otherwise for some seconds; then waits until everything written has arrived.
 */
export async function runDemo(context: CommandContext): Promise<DemoOutcome> {
  const directory = await mkdtemp(join(tmpdir(), 'kube-audit-agent-demo-'));
  const paths = {
    audit: join(directory, 'audit'),
    archive: join(directory, 'archive'),
    state: join(directory, 'state'),
  };
  await mkdir(paths.audit);
  const { clock } = context;
  const writer = new AuditLogWriter({
    directory: paths.audit,
    seed: 7,
    eventsPerSecond: EVENTS_PER_SECOND,
    maxFileBytes: ROTATE_AT_BYTES,
    maxBackups: 20,
    clock,
  });
  const stopWriting = context.isTerminal
    ? context.signal
    : AbortSignal.any([context.signal, AbortSignal.timeout(UNWATCHED_MS)]);
  const stopAgent = new AbortController();
  let statuses: readonly ShipperStatus[] = [];
  const agent = runAgent(
    {
      config: demoConfig(writer.path, paths, context),
      definitions: context.definitions,
      env: {},
      telemetry: silentTelemetry,
      clock,
      random: Math.random,
      onWired: (all) => (statuses = all),
    },
    stopAgent.signal,
  );
  const writing = writer.run(stopWriting);
  const show = watchArchive(paths.archive, { writer, context, lagBytes: () => statuses[0]?.lagBytes ?? 0 });
  while (!stopWriting.aborted) {
    await clock.delay(LOOK_INTERVAL_MS, stopWriting);
    await show.look();
  }
  await writing;
  const outcome = await show.allArrived();
  stopAgent.abort();
  await agent;
  await writer.close();
  return { ...outcome, directory };
}

/** Removes everything that a demo made. */
export async function removeDemo({ directory }: DemoOutcome): Promise<void> {
  await rm(directory, { recursive: true });
}

interface Watched {
  readonly writer: AuditLogWriter;
  readonly context: CommandContext;
  readonly lagBytes: () => number;
}

function watchArchive(archive: string, { writer, context, lagBytes }: Watched) {
  const reader = new ArchiveReader(archive);
  const screen = createDemoScreen(context.out, context.isTerminal);
  const keys = new Set<string>();
  let delivered = 0;

  const figures = (): DemoFigures => {
    const { events: written, rotations } = writer.written;
    return { written, delivered: keys.size, rotations, lagBytes: lagBytes() };
  };
  const look = async (): Promise<void> => {
    const events = await reader.read();
    delivered += events.length;
    for (const { key } of events) keys.add(key);
    screen.show(events, figures());
  };
  const allArrived = async (): Promise<Omit<DemoOutcome, 'directory'>> => {
    const deadlineMs = context.clock.monotonicMs() + ARRIVAL_LIMIT_MS;
    const never = new AbortController().signal;
    while (keys.size < writer.written.events && context.clock.monotonicMs() < deadlineMs) {
      await context.clock.delay(LOOK_INTERVAL_MS / 4, never);
      await look();
    }
    screen.end();
    const { written, rotations } = figures();
    return { written, delivered: keys.size, duplicates: delivered - keys.size, rotations };
  };
  return { look, allArrived };
}

/** Goes through the same schema as a configuration file, so that the demo cannot drift from what `run` takes. */
function demoConfig(
  logPath: string,
  paths: { readonly archive: string; readonly state: string },
  context: CommandContext,
): Config {
  const parsed = rootSchema(context.definitions).safeParse({
    cluster: { name: 'demo' },
    stateDir: paths.state,
    logs: [{ name: 'kube-apiserver', path: logPath }],
    sinks: [
      {
        name: 'archive',
        type: 'file',
        path: join(paths.archive, 'audit-{yyyy}{MM}{dd}{HH}.ndjson'),
        batch: { maxAgeMs: 500 },
      },
    ],
  });
  if (!parsed.success)
    throw new InvariantError('the configuration of the demo is not valid', { cause: parsed.error });
  return { ...parsed.data, node: { name: context.hostName } };
}
