import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePorts } from './free-ports.ts';
import { sharedDir } from './shared.ts';

const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 90_000;
const SCRIPT_LIMIT_MS = 180_000;
/** API server, etcd twice, controllers. */
const PORTS = 4;

export function isKubernetesAvailable(): boolean {
  return existsSync(script('start.sh'));
}

function script(name: string): string {
  return join(sharedDir() ?? '', 'servers', 'kubernetes', name);
}

/** A real API server with its etcd and controllers, and the audit log that it writes. */
export class KubernetesServer implements AsyncDisposable {
  readonly directory: string;
  readonly #children: ChildProcess[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** `environment` as the head of the start script lists it, such as AUDIT_MAXSIZE. */
  static async start(environment: Readonly<Record<string, string>>): Promise<KubernetesServer> {
    const server = new KubernetesServer(await mkdtemp(join(tmpdir(), 'kubernetes-')));
    try {
      const port = await freePorts(PORTS);
      const child = server.#spawn('start.sh', [String(port), server.directory], environment);
      await ready(child);
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get auditDirectory(): string {
    return join(this.directory, 'audit');
  }

  /** Runs a script against the server: `exercise.sh` has about everything done that ends up in an audit log, `hostile.sh` the rest. */
  async run(name: 'exercise.sh' | 'hostile.sh'): Promise<void> {
    const child = this.#spawn(name, [this.directory], {});
    child.stdout?.resume();
    child.stderr?.resume();
    const [code] = (await once(child, 'exit', { signal: AbortSignal.timeout(SCRIPT_LIMIT_MS) })) as unknown[];
    if (code !== 0) throw new Error(`${name} ended with ${String(code)}`);
  }

  /** Ends everything; the audit log is whole then. */
  async stop(): Promise<void> {
    await Promise.all(this.#children.map(end));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  #spawn(name: string, args: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
    const env = { ...process.env, ...environment };
    const child = spawn(script(name), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.push(child);
    return child;
  }
}

/** The start script ends what it has started when it is told to end. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await ended;
  clearTimeout(timer);
}

/** Waits for the line that says so; its output is read on, so that the server never blocks on it. */
async function ready(child: ChildProcess): Promise<void> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the API server has no output');
  const last: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`the API server ${why}: ${last.join('\n')}`));
    const timer = setTimeout(() => fail('did not get ready'), START_LIMIT_MS);
    const look = (line: string): void => {
      if (last.push(line) > 10) last.shift();
      if (!line.startsWith('ready ')) return;
      clearTimeout(timer);
      resolve();
    };
    createInterface({ input: stdout }).on('line', look);
    createInterface({ input: stderr }).on('line', look);
    child.once('error', reject);
    child.once('exit', () => {
      clearTimeout(timer);
      fail('ended');
    });
  });
}
