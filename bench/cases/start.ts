import { join } from 'node:path';
import { median } from '../bench-case.ts';
import type { BenchCase } from '../bench-case.ts';
import { startEndpoint } from '../endpoint-process.ts';
import { generateLog } from '../generate-log.ts';
import { untilReceived, withAgent } from '../run-to-end.ts';
import { elasticsearchSink } from '../sinks.ts';

const LOG_BYTES = 16 * 1024 * 1024;
const RUNS = 3;
const TIMEOUT_MS = 60_000;
const POLL_INTERVAL_MS = 250;

/** From the start of the process to the first documents at the endpoint, where a log is waiting. */
export const start: BenchCase = {
  name: 'start',
  run: async (context) => {
    const { directory, signal } = context;
    const log = await generateLog({ path: join(directory, 'audit.log'), bytes: LOG_BYTES, seed: 4 });
    const startsMs: number[] = [];
    for (let number = 1; number <= RUNS; number++) {
      const endpoint = await startEndpoint(signal);
      const sinks = [elasticsearchSink(endpoint.url)];
      const run = { directory: join(directory, `agent-${number}`), logPath: log.path, sinks, signal };
      try {
        const wanted = {
          documents: log.events,
          before: await endpoint.received(),
          timeoutMs: TIMEOUT_MS,
          signal,
        };
        const startMs = await withAgent(run, async (agent) => {
          // Asked seldom: the endpoint notes the time by itself, and answering costs the agent a part of the machine.
          const received = await untilReceived(agent, endpoint, { ...wanted, intervalMs: POLL_INTERVAL_MS });
          return received.firstDocumentAtMs - agent.startedAtMs;
        });
        startsMs.push(startMs);
      } finally {
        await endpoint.stop();
      }
    }
    const note = `median of ${startsMs.map((ms) => (ms / 1000).toFixed(2)).join(', ')}`;
    return [
      { what: 'start to first event shipped', value: median(startsMs) / 1000, unit: 's', budget: 0.5, note },
    ];
  },
};
