import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentBundle } from './agent-bundle.ts';
import { AgentHome } from './agent-home.ts';
import type { AgentExit, AgentProcess } from './agent-process.ts';
import { runNode } from './child-process.ts';
import type { ElasticsearchServer } from './elasticsearch-server.ts';
import { isSettled, linesOnDisk } from './log-on-disk.ts';
import type { LinesById } from './log-on-disk.ts';
import { TcpRelay } from './tcp-relay.ts';
import { until } from './until.ts';

type Settings = Readonly<Record<string, unknown>>;

export const SIEM = 'siem';
const LOOPBACK = '127.0.0.1';

export interface ShipmentOptions {
  readonly server: ElasticsearchServer;
  readonly bundle: AgentBundle;
  /** Tells the data streams of tests on one server apart: small letters. */
  readonly name: string;
  /** Over what the sink has anyway. */
  readonly sink?: Settings;
  /** Sinks beside it. */
  readonly others?: (home: AgentHome) => readonly Settings[];
}

/** A directory in which a log lies. */
export interface LogDirectory {
  readonly name: string;
  readonly directory: string;
  readonly path: string;
}

/** How what a server holds differs from what lies on disk; all empty where nothing is lost, doubled or made up. */
export interface Difference {
  readonly missing: readonly string[];
  readonly unknown: readonly string[];
  readonly doubled: readonly string[];
}

export const NO_DIFFERENCE: Difference = { missing: [], unknown: [], doubled: [] };

/**
 * The bundled agent, set up as its documentation says, on its way from logs to a data stream of its own: the administrator runs `sink
 * setup`, the agent has a key that may only create documents.
 */
export class Shipment implements AsyncDisposable {
  readonly home: AgentHome;
  readonly relay: TcpRelay;
  readonly dataStream: string;
  readonly #options: ShipmentOptions;
  #logs: readonly LogDirectory[] = [];

  private constructor(options: ShipmentOptions, home: AgentHome, relay: TcpRelay) {
    this.#options = options;
    this.home = home;
    this.relay = relay;
    this.dataStream = `logs-kaatest${process.pid}${options.name}-default`;
  }

  static async create(options: ShipmentOptions): Promise<Shipment> {
    const home = await AgentHome.create();
    return new Shipment(options, home, await TcpRelay.start(new URL(options.server.url)));
  }

  /** Writes key and configuration and runs `sink setup`. What that printed is returned. */
  async setUp(logs: readonly LogDirectory[]): Promise<string> {
    const { server, bundle } = this.#options;
    this.#logs = logs;
    const key = await server.createApiKey(this.dataStream, ['create_doc']);
    await writeFile(this.#file('api-key'), key, { mode: 0o600 });
    await writeFile(this.#file('password'), server.password, { mode: 0o600 });
    await this.configure();
    const admin = ['--username', server.username, '--password-file', this.#file('password')];
    const args = [bundle.main, 'sink', 'setup', '--config', this.home.configPath, '--sink', SIEM, ...admin];
    const { code, out, err } = await runNode(args);
    if (code !== 0) throw new Error(`sink setup ended with ${code}: ${out}${err}`);
    return out;
  }

  /** Writes the configuration; settings given here stand over it. */
  async configure(given: Settings = {}): Promise<void> {
    const { server, sink, others } = this.#options;
    await this.home.configure({
      cluster: { name: 'prod-eu-1' },
      logs: this.#logs.map(({ name, path }) => ({ name, path })),
      sinks: [
        {
          name: SIEM,
          type: 'elasticsearch',
          url: this.relay.url,
          apiKeyFile: this.#file('api-key'),
          dataStream: this.dataStream,
          ...tlsOf(server),
          ...sink,
        },
        ...(others?.(this.home) ?? []),
      ],
      ...given,
    });
  }

  start(): AgentProcess {
    const { main } = this.#options.bundle;
    return this.home.start({ main, env: { NODE_COMPILE_CACHE: join(main, '..', '.cache') } });
  }

  /** Waits until the agent has it on record that everything in the logs is settled. */
  async untilSettled(agent: AgentProcess, sink = SIEM): Promise<void> {
    for (const { name, directory } of this.#logs) {
      await agent.until(`all of ${name} is settled`, () =>
        isSettled(directory, this.home.positionPath(sink, name)),
      );
    }
  }

  /** Ends the agent in the way of a service manager. */
  stop(agent: AgentProcess): Promise<AgentExit> {
    agent.signal('SIGTERM');
    return this.untilEnded(agent);
  }

  /** As `agent.exit`, with a bound. */
  async untilEnded(agent: AgentProcess): Promise<AgentExit> {
    await until('the agent has ended', () => agent.hasEnded);
    return agent.exit;
  }

  /** The lines of all logs, as they lie on disk. */
  async lines(): Promise<LinesById> {
    const maps = await Promise.all(this.#logs.map(({ directory }) => linesOnDisk(directory)));
    return new Map(maps.flatMap((lines) => [...lines]));
  }

  /** What the server holds against what lies on disk. */
  async difference(): Promise<Difference> {
    return differenceOf(await this.#options.server.ids(this.dataStream), await this.lines());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { server } = this.#options;
    await this.home[Symbol.asyncDispose]();
    await this.relay[Symbol.asyncDispose]();
    const dataset = this.dataStream.split('-')[1] ?? '';
    for (const path of [
      `/_data_stream/${this.dataStream}`,
      `/_index_template/kube-audit-agent-logs-${dataset}`,
    ])
      await server.call('DELETE', path).catch(() => undefined);
  }

  #file(name: string): string {
    return join(this.home.directory, name);
  }
}

/** Behind the relay, only the certificate of a server of our own has the right address in it. */
function tlsOf({ url, caFile }: ElasticsearchServer): Settings {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:') return {};
  return { tls: hostname === LOOPBACK && caFile !== undefined ? { caFile } : { insecureSkipVerify: true } };
}

/** Compares ids, one for each document, with the lines that they should be of. */
export function differenceOf(ids: readonly string[], lines: LinesById): Difference {
  const seen = new Set<string>();
  const doubled = ids.filter((id) => seen.has(id) || !seen.add(id));
  return {
    missing: [...lines.keys()].filter((id) => !seen.has(id)),
    unknown: [...seen].filter((id) => !lines.has(id)),
    doubled,
  };
}
