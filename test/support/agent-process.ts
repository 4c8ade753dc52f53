import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseMetrics } from './prometheus-text.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Compiled code is kept between runs: many tests start the agent many times. */
const COMPILE_CACHE = join(ROOT, 'node_modules', '.cache', 'agent-tests');

export const AGENT_MAIN = join(ROOT, 'agent', 'main.ts');

/** One line of the agent's own log. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface AgentExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  /** What is run instead of the agent's source. */
  readonly main?: string;
  /** A module that Node loads before the agent. */
  readonly preload?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The agent as a process of its own: `node agent/main.ts run --config FILE`. */
export class AgentProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** What it logged so far. */
  readonly log: LogLine[] = [];
  /** Everything else that it printed. */
  stray = '';
  readonly exit: Promise<AgentExit>;
  #hasEnded = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#take(line));
    }
    // `close` and not `exit`: the last lines of the log come after the latter.
    this.exit = once(child, 'close').then(() => {
      this.#hasEnded = true;
      return { code: child.exitCode, signal: child.signalCode };
    });
  }

  static start(
    configPath: string,
    { main = AGENT_MAIN, preload, env = {} }: StartOptions = {},
  ): AgentProcess {
    const imports = preload === undefined ? [] : ['--import', preload];
    const args = [...imports, main, 'run', '--config', configPath];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    });
    return new AgentProcess(child);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Lines of one kind, of the given members. */
  logged(event: string, members: LogLine = {}): LogLine[] {
    const wanted = Object.entries(members);
    return this.log.filter(
      (line) => line['event'] === event && wanted.every(([name, value]) => line[name] === value),
    );
  }

  /** Waits for the first such line. */
  untilLogged(event: string, members: LogLine = {}): Promise<LogLine> {
    return this.until(`the agent logs ${event}`, () => this.logged(event, members)[0]);
  }

  /** Waits for something that only happens while the agent runs. */
  until<Answer>(
    what: string,
    ask: () => Answer | undefined | false | Promise<Answer | undefined | false>,
  ): Promise<Answer> {
    return until(
      what,
      async () => {
        const answer = await ask();
        if ((answer === undefined || answer === false) && this.#hasEnded)
          throw new Error(`the agent ended before: ${what}\n${this.#tail()}`);
        return answer;
      },
      () => this.#tail(),
    );
  }

  async get(path: string): Promise<{ status: number; body: string }> {
    const { port } = await this.untilLogged('telemetry-listening');
    const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
    return { status: response.status, body: await response.text() };
  }

  /** The sum of a metric's samples that have these labels. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const { samples } = parseMetrics((await this.get('/metrics')).body);
    const wanted = Object.entries(labels);
    const found = samples.filter(
      (sample) =>
        sample.name === `kube_audit_agent_${name}` &&
        wanted.every(([label, value]) => sample.labels[label] === value),
    );
    return found.reduce((sum, { value }) => sum + value, 0);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it in the way of a service manager. */
  stop(): Promise<AgentExit> {
    this.signal('SIGTERM');
    return this.exit;
  }

  kill(): Promise<AgentExit> {
    this.signal('SIGKILL');
    return this.exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) await this.kill();
  }

  #take(line: string): void {
    try {
      this.log.push(JSON.parse(line) as LogLine);
    } catch {
      this.stray += `${line}\n`;
    }
  }

  #tail(): string {
    return [...this.log.slice(-8).map((line) => JSON.stringify(line)), this.stray.slice(-2000)].join('\n');
  }
}
