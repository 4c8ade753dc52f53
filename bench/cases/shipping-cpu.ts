import { join } from 'node:path';
import { median } from '../bench-case.ts';
import type { BenchCase, BenchContext, Figure } from '../bench-case.ts';
import { startEndpoint } from '../endpoint-process.ts';
import type { EndpointProcess } from '../endpoint-process.ts';
import { generateLog } from '../generate-log.ts';
import type { GeneratedLog } from '../generate-log.ts';
import { measureParsing } from '../measure-parsing.ts';
import { untilReceived, untilSettled, withAgent } from '../run-to-end.ts';
import { elasticsearchSink } from '../sinks.ts';

const TIMEOUT_MS = 300_000;

interface Run {
  readonly cpuMs: number;
  readonly parseMs: number;
  readonly wallMs: number;
}

interface RunContext extends BenchContext {
  readonly log: GeneratedLog;
  readonly endpoint: EndpointProcess;
  readonly compression: 'gzip' | 'none';
  readonly number: number;
}

/** CPU of the whole agent to ship a log that is there already, over the CPU of parsing the same lines. */
export function shippingCpu(name: string, compression: 'gzip' | 'none', budget: number): BenchCase {
  return {
    name,
    run: async (context) => {
      const log = await generateLog({
        path: join(context.directory, 'audit.log'),
        bytes: context.sizeBytes,
        seed: 1,
      });
      const endpoint = await startEndpoint(context.signal);
      try {
        const runs: Run[] = [];
        for (let number = 1; number <= context.runs; number++)
          runs.push(await runOnce({ ...context, log, endpoint, compression, number }));
        return [figureOf({ runs, log, compression, budget })];
      } finally {
        await endpoint.stop();
      }
    },
  };
}

/** Parsing is measured before and after, so that a machine that slows down meanwhile slows both. */
async function runOnce(context: RunContext): Promise<Run> {
  const { log, endpoint, compression, signal } = context;
  const sinks = [elasticsearchSink(endpoint.url, compression)];
  const directory = join(context.directory, `run-${context.number}`);
  const parseBeforeMs = await measureParsing(log.path, signal);
  const before = await endpoint.received();
  const shipped = await withAgent({ directory, logPath: log.path, sinks, signal }, async (agent) => {
    const wait = { timeoutMs: TIMEOUT_MS, signal };
    const { lastDocumentAtMs } = await untilReceived(agent, endpoint, {
      ...wait,
      documents: log.events,
      before,
    });
    await untilSettled(agent, sinks, wait);
    const { cpuMs } = await agent.figures();
    return { cpuMs, wallMs: lastDocumentAtMs - agent.startedAtMs };
  });
  return { ...shipped, parseMs: (parseBeforeMs + (await measureParsing(log.path, signal))) / 2 };
}

function figureOf(of: {
  runs: readonly Run[];
  log: GeneratedLog;
  compression: string;
  budget: number;
}): Figure {
  const { runs, log, compression, budget } = of;
  const cpuMs = median(runs.map((run) => run.cpuMs));
  const parseMs = median(runs.map((run) => run.parseMs));
  const wallMs = median(runs.map((run) => run.wallMs));
  const ratios = runs.map((run) => run.cpuMs / run.parseMs);
  const sizeMiB = Math.round(log.bytes / 1024 ** 2);
  return {
    what: `CPU to ship ${sizeMiB} MiB, ${compression === 'none' ? 'uncompressed' : 'gzip'}, to that of JSON.parse`,
    value: median(ratios),
    unit: '×',
    budget,
    note:
      `${seconds(cpuMs)} to ${seconds(parseMs)}; ${log.events} events in ${seconds(wallMs)}; ` +
      `runs ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}`,
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
