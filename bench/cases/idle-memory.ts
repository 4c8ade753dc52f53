import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { median, megabytes } from '../bench-case.ts';
import type { BenchCase, BenchContext, Figure } from '../bench-case.ts';
import { startEndpoint } from '../endpoint-process.ts';
import { generateLog } from '../generate-log.ts';
import { untilSettled, withAgent } from '../run-to-end.ts';
import { elasticsearchSink, fileSink } from '../sinks.ts';
import type { SinkBlock } from '../sinks.ts';

const LOG_BYTES = 256 * 1024;
const SETTLE_TIMEOUT_MS = 30_000;
/** How long the agent is left alone before its memory is read. */
const IDLE_MS = 10_000;
const SAMPLES = 5;
const SAMPLE_INTERVAL_MS = 500;

/** Memory of an agent that has shipped a little and has nothing to do. */
export const idleMemory: BenchCase = {
  name: 'idle-memory',
  run: async (context) => {
    const log = await generateLog({ path: join(context.directory, 'audit.log'), bytes: LOG_BYTES, seed: 2 });
    const endpoint = await startEndpoint(context.signal);
    try {
      const archive = fileSink(context.directory);
      const network = elasticsearchSink(endpoint.url);
      return [
        await idleFigure(context, { what: 'idle RSS, file sink', budget: 60, sinks: [archive] }, log.path),
        await idleFigure(
          context,
          {
            what: 'idle RSS, file and elasticsearch sink',
            budget: 100,
            sinks: [{ ...archive, name: 'second' }, network],
          },
          log.path,
        ),
      ];
    } finally {
      await endpoint.stop();
    }
  },
};

async function idleFigure(
  context: BenchContext,
  wanted: { what: string; budget: number; sinks: readonly SinkBlock[] },
  logPath: string,
): Promise<Figure> {
  const { what, budget, sinks } = wanted;
  const { signal } = context;
  const directory = join(context.directory, `agent-${sinks.length}`);
  return withAgent({ directory, logPath, sinks, signal }, async (agent) => {
    await untilSettled(agent, sinks, { timeoutMs: SETTLE_TIMEOUT_MS, signal });
    await delay(IDLE_MS, undefined, { signal });
    const samples: number[] = [];
    for (let index = 0; index < SAMPLES; index++) {
      samples.push(megabytes((await agent.figures()).rssBytes));
      await delay(SAMPLE_INTERVAL_MS, undefined, { signal });
    }
    return {
      what,
      value: median(samples),
      unit: 'MB',
      budget,
      note: `${IDLE_MS / 1000} s after the last event`,
    };
  });
}
