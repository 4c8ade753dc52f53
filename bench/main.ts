/**
 * Measures the built agent (`npm run build` first) against its budgets and ends with 1 when one is exceeded.
 *
 *   npm run bench -- [--only CASE,…] [--size MiB] [--runs N] [--json]
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchCase, Figure } from './bench-case.ts';
import { catchingUp } from './cases/catching-up.ts';
import { idleMemory } from './cases/idle-memory.ts';
import { longLine } from './cases/long-line.ts';
import { quietLog } from './cases/quiet-log.ts';
import { shippingCpu } from './cases/shipping-cpu.ts';
import { start } from './cases/start.ts';
import { tableOf, verdictOf } from './print-figures.ts';

const CASES: readonly BenchCase[] = [
  shippingCpu('cpu-plain', 'none', 1.8),
  shippingCpu('cpu-gzip', 'gzip', 3.4),
  start,
  quietLog,
  idleMemory,
  longLine,
  catchingUp,
];

interface Options {
  readonly cases: readonly BenchCase[];
  readonly sizeBytes: number;
  readonly runs: number;
  readonly json: boolean;
}

function optionsOf(argv: string[]): Options {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string' },
      size: { type: 'string', default: '256' },
      runs: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const names = values.only?.split(',') ?? CASES.map((one) => one.name);
  const unknown = names.find((name) => !CASES.some((one) => one.name === name));
  if (unknown !== undefined)
    throw new Error(`--only ${unknown}: expected ${CASES.map((one) => one.name).join(', ')}`);
  return {
    cases: CASES.filter((one) => names.includes(one.name)),
    sizeBytes: positive('--size', values.size) * 1024 ** 2,
    runs: positive('--runs', values.runs),
    json: values.json,
  };
}

function positive(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`${option} ${text}: expected a whole number above 0`);
}

interface Outcome {
  readonly figures: readonly Figure[];
  /** Cases that came to no figure, and why. */
  readonly failures: readonly string[];
}

async function runCases({ cases, sizeBytes, runs }: Options, signal: AbortSignal): Promise<Outcome> {
  const root = await mkdtemp(join(tmpdir(), 'kube-audit-agent-bench-'));
  const figures: Figure[] = [];
  const failures: string[] = [];
  try {
    for (const one of cases) {
      process.stderr.write(`${one.name} …\n`);
      const directory = join(root, one.name);
      await mkdir(directory);
      try {
        figures.push(...(await one.run({ directory, sizeBytes, runs, signal })));
      } catch (error) {
        signal.throwIfAborted();
        failures.push(`${one.name} failed: ${error instanceof Error ? error.message : String(error)}`);
      }
      // Removed at once: the logs of the next case need the room.
      await rm(directory, { recursive: true });
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  return { figures, failures };
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (!existsSync(join(import.meta.dirname, '..', 'dist', 'main.js')))
    throw new Error('dist/main.js is missing: run `npm run build` first');
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort());
  const { figures, failures } = await runCases(options, abort.signal);
  console.log(options.json ? JSON.stringify(withVerdicts(figures), undefined, 2) : tableOf(figures));
  for (const failure of failures) console.error(failure);
  const isOver = figures.some((figure) => verdictOf(figure) === 'OVER');
  if (isOver || failures.length > 0) process.exitCode = 1;
}

function withVerdicts(figures: readonly Figure[]): unknown {
  return figures.map((figure) => ({ ...figure, verdict: verdictOf(figure) }));
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
