import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { megabytes } from '../bench-case.ts';
import type { BenchCase, BenchContext, Figure } from '../bench-case.ts';
import { startEndpoint } from '../endpoint-process.ts';
import { generateLog } from '../generate-log.ts';
import { untilReceived, untilSettled, withAgent } from '../run-to-end.ts';
import { elasticsearchSink, fileSink } from '../sinks.ts';

/** The log is four times as large as that of the CPU cases: 1 GiB, as backups and a live file. */
const FILES = 10;
const SIZE_FACTOR = 4;
const TIMEOUT_MS = 600_000;
const IDLE_MS = 10_000;

/** Memory of an agent that finds a large backlog and ships it to two sinks at once. */
export const catchingUp: BenchCase = {
  name: 'catching-up',
  run: async (context) => {
    const { directory, signal } = context;
    const backlog = await writeBacklog(context);
    const endpoint = await startEndpoint(signal);
    const sinks = [elasticsearchSink(endpoint.url), fileSink(directory)];
    const run = { directory: join(directory, 'agent'), logPath: backlog.logPath, sinks, signal };
    try {
      const before = await endpoint.received();
      return await withAgent(run, async (agent) => {
        const wait = { timeoutMs: TIMEOUT_MS, signal };
        await untilReceived(agent, endpoint, { ...wait, documents: backlog.events, before });
        await untilSettled(agent, sinks, wait);
        const peak = await agent.figures();
        const wallMs = Date.now() - agent.startedAtMs;
        await delay(IDLE_MS, undefined, { signal });
        const { rssBytes } = await agent.figures();
        return figuresOf({ ...backlog, wallMs, peakRssBytes: peak.peakRssBytes, laterRssBytes: rssBytes });
      });
    } finally {
      await endpoint.stop();
    }
  },
};

/** Backups as the API server names them, oldest first, and the live file. */
async function writeBacklog({
  directory,
  sizeBytes,
}: BenchContext): Promise<{ logPath: string; events: number }> {
  let events = 0;
  const logPath = join(directory, 'audit.log');
  for (let number = 1; number <= FILES; number++) {
    const backup = join(directory, `audit-2026-11-20T${String(number).padStart(2, '0')}-59-59.000.log`);
    const path = number === FILES ? logPath : backup;
    const log = await generateLog({ path, bytes: (sizeBytes * SIZE_FACTOR) / FILES, seed: number });
    events += log.events;
  }
  return { logPath, events };
}

function figuresOf(of: {
  events: number;
  wallMs: number;
  peakRssBytes: number;
  laterRssBytes: number;
}): Figure[] {
  return [
    {
      what: 'peak RSS while catching up, two sinks',
      value: megabytes(of.peakRssBytes),
      unit: 'MB',
      budget: 180,
      note: `${of.events} events from ${FILES} files in ${(of.wallMs / 1000).toFixed(1)} s`,
    },
    {
      what: 'RSS after catching up',
      value: megabytes(of.laterRssBytes),
      unit: 'MB',
      note: `${IDLE_MS / 1000} s after the last event`,
    },
  ];
}
