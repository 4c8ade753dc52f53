import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, openSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readProcessFigures } from './process-figures.ts';
import type { ProcessFigures } from './process-figures.ts';

const BUNDLE = join(import.meta.dirname, '..', 'dist', 'main.js');
const STOP_TIMEOUT_MS = 40_000;
const LOG_NAME = 'kube-apiserver';

export interface AgentOptions {
  /** Holds the configuration, the state and what the agent prints; must be new for each agent. */
  readonly directory: string;
  readonly logPath: string;
  readonly sinks: readonly Readonly<Record<string, unknown>>[];
  readonly signal: AbortSignal;
}

/** The built agent, run as users run it: `node dist/main.js run --config FILE`. */
export interface AgentProcess {
  readonly startedAtMs: number;
  figures(): Promise<ProcessFigures>;
  /** Whether the sink's position file says that the log is settled to its end. */
  hasSettled(sink: string): Promise<boolean>;
  /** The last lines that the agent printed. */
  output(): Promise<string>;
  /** Throws if the agent has ended by itself. */
  assertRunning(): Promise<void>;
  stop(): Promise<void>;
}

export async function startAgent(options: AgentOptions): Promise<AgentProcess> {
  const { directory, logPath, signal } = options;
  const configPath = join(directory, 'config.yaml');
  const outputPath = join(directory, 'output.ndjson');
  await writeFile(configPath, JSON.stringify(await configOf(options)));
  const output = openSync(outputPath, 'w');
  const startedAtMs = Date.now();
  const child = spawn(process.execPath, [BUNDLE, 'run', '--config', configPath], {
    stdio: ['ignore', output, output],
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`cannot run ${process.execPath}`);
  const ended = once(child, 'exit');
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
  const readOutput = async (): Promise<string> =>
    (await readFile(outputPath, 'utf8')).trimEnd().split('\n').slice(-15).join('\n');
  return {
    startedAtMs,
    figures: () => readProcessFigures(pid),
    hasSettled: (sink) =>
      hasSettled(join(directory, 'state', 'position', `${LOG_NAME}.${sink}.json`), logPath),
    output: readOutput,
    assertRunning: async () => {
      if (hasEnded()) throw new Error(`the agent ended with ${child.exitCode}:\n${await readOutput()}`);
    },
    stop: async () => {
      if (hasEnded()) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** JSON is YAML. */
async function configOf({ directory, logPath, sinks }: AgentOptions): Promise<unknown> {
  return {
    cluster: { name: 'bench' },
    node: { name: 'bench-node' },
    stateDir: join(directory, 'state'),
    logs: [{ name: LOG_NAME, path: logPath }],
    sinks,
    telemetry: { listen: `127.0.0.1:${await freePort()}` },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function hasSettled(positionPath: string, logPath: string): Promise<boolean> {
  const position = positionOf(await readFile(positionPath, 'utf8').catch(() => '{}'));
  const { size } = await stat(logPath);
  return position.offset === size && position.fingerprint === (await fingerprintOf(logPath));
}

/** The two members that tell how far the agent is; both undefined while there is no position yet. */
function positionOf(text: string): { offset?: unknown; fingerprint?: unknown } {
  const document: unknown = JSON.parse(text);
  if (typeof document !== 'object' || document === null || !('position' in document)) return {};
  return typeof document.position === 'object' && document.position !== null ? document.position : {};
}

async function fingerprintOf(path: string): Promise<string> {
  for await (const line of createInterface({ input: createReadStream(path) })) {
    return createHash('sha256').update(line).digest('hex');
  }
  return '';
}
