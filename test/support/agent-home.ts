import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DeadLetterEntry, readDeadLetters } from '../../agent/sink/dead-letter/reader.ts';
import { AgentProcess, type StartOptions } from './agent-process.ts';
import { WrittenLog } from './written-log.ts';

type Settings = Readonly<Record<string, unknown>>;

export const LOG_NAME = 'kube-apiserver';

/** A temporary directory with logs, state and configuration of an agent. Ends every agent that was started in it. */
export class AgentHome implements AsyncDisposable {
  readonly directory: string;
  readonly #agents: AgentProcess[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<AgentHome> {
    return new AgentHome(await mkdtemp(join(tmpdir(), 'agent-')));
  }

  get stateDir(): string {
    return join(this.directory, 'state');
  }

  get configPath(): string {
    return join(this.directory, 'config.yaml');
  }

  positionPath(sink = 'siem', log = LOG_NAME): string {
    return join(this.stateDir, 'position', `${log}.${sink}.json`);
  }

  logPath(name = LOG_NAME): string {
    return join(this.directory, name, 'audit.log');
  }

  createLog(name = LOG_NAME): Promise<WrittenLog> {
    return WrittenLog.create(this.logPath(name));
  }

  /** The settings with what all agents of these tests have; members given here stand over them. */
  settings(given: Settings): Settings {
    return {
      node: { name: 'control-plane-1' },
      stateDir: this.stateDir,
      logs: [{ name: LOG_NAME, path: this.logPath() }],
      telemetry: { listen: '127.0.0.1:0' },
      checkpointIntervalMs: 50,
      ...given,
    };
  }

  /** JSON is YAML. */
  async configure(given: Settings): Promise<void> {
    await writeFile(this.configPath, JSON.stringify(this.settings(given)));
  }

  start(options: StartOptions = {}): AgentProcess {
    const agent = AgentProcess.start(this.configPath, options);
    this.#agents.push(agent);
    return agent;
  }

  async deadLetters(): Promise<DeadLetterEntry[]> {
    const letters: DeadLetterEntry[] = [];
    for await (const letter of readDeadLetters(join(this.stateDir, 'dead-letter'))) letters.push(letter);
    return letters;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent[Symbol.asyncDispose]()));
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** An Elasticsearch sink that sends soon and little. */
export function siemSink(url: string, given: Settings = {}): Settings {
  return {
    name: 'siem',
    type: 'elasticsearch',
    url,
    compression: 'none',
    batch: { maxEvents: 50, maxAgeMs: 50 },
    ...given,
  };
}
