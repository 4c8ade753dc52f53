import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchCase } from '../bench-case.ts';
import { startEndpoint } from '../endpoint-process.ts';
import { generateLog } from '../generate-log.ts';
import { untilReceived, withAgent } from '../run-to-end.ts';
import { elasticsearchSink } from '../sinks.ts';

const SPARE_BYTES = 64 * 1024;
const APPENDS = 5;
/** Long enough for the agent to stop looking often, and not a multiple of its intervals. */
const QUIET_MS = 3_170;
const TIMEOUT_MS = 30_000;

/** From the append of one event to its arrival, in a log that is written to seldom. The slowest counts. */
export const quietLog: BenchCase = {
  name: 'quiet-log',
  run: async (context) => {
    const { directory, signal } = context;
    const spare = await generateLog({ path: join(directory, 'spare'), bytes: SPARE_BYTES, seed: 5 });
    const lines = (await readFile(spare.path, 'utf8')).split('\n').slice(0, APPENDS + 1);
    const logPath = join(directory, 'audit.log');
    const endpoint = await startEndpoint(signal);
    try {
      const before = await endpoint.received();
      await writeFile(logPath, `${lines[0]}\n`);
      const run = {
        directory: join(directory, 'agent'),
        logPath,
        sinks: [elasticsearchSink(endpoint.url)],
        signal,
      };
      const delaysMs = await withAgent(run, async (agent) => {
        const seen: number[] = [];
        const wanted = { before, timeoutMs: TIMEOUT_MS, signal };
        await untilReceived(agent, endpoint, { ...wanted, documents: 1 });
        for (const [index, line] of lines.slice(1).entries()) {
          await delay(QUIET_MS, undefined, { signal });
          const appendedAtMs = Date.now();
          await appendFile(logPath, `${line}\n`);
          const received = await untilReceived(agent, endpoint, { ...wanted, documents: index + 2 });
          seen.push(received.lastDocumentAtMs - appendedAtMs);
        }
        return seen;
      });
      const note = `slowest of ${delaysMs.map((ms) => (ms / 1000).toFixed(2)).join(', ')}`;
      const value = Math.max(...delaysMs) / 1000;
      return [{ what: 'append to shipped, quiet log', value, unit: 's', budget: 1.5, note }];
    } finally {
      await endpoint.stop();
    }
  },
};
