/**
 * Real Elasticsearch servers for tests. Where SHARED_DIR (or `../shared`) holds `servers/elasticsearch/start.sh`, servers of both
 * versions are started from there. Otherwise a running one is taken from the environment:
 *
 *   TEST_ELASTICSEARCH_URL        such as https://localhost:9200
 *   TEST_ELASTICSEARCH_USERNAME   a user who may manage templates, data streams and API keys (default `elastic`)
 *   TEST_ELASTICSEARCH_PASSWORD
 *   TEST_ELASTICSEARCH_CA_FILE    its CA, where it speaks TLS
 *
 * What tests create there carries `kaatest` in its name and is deleted again.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePorts } from './free-ports.ts';
import { saySkipped } from './say-skipped.ts';
import { sharedDir } from './shared.ts';

const START_LIMIT_MS = 180_000;
const STOP_LIMIT_MS = 30_000;
const PASSWORD = 'changeme-for-tests';

/** `9.5` and `8.19` are started; `running` is the one of the environment. */
export type ElasticsearchVersion = '9.5' | '8.19' | 'running';

/** What can be tested against here; empty where nothing is there. */
export function availableElasticsearch(): ElasticsearchVersion[] {
  if (process.env['TEST_ELASTICSEARCH_URL'] !== undefined) return ['running'];
  if (startScript() === undefined) return [];
  if (hasJava()) return ['9.5', '8.19'];
  saySkipped('no java, without which Elasticsearch 8.19 cannot be started');
  return ['9.5'];
}

/** 9.5 brings its own. */
function hasJava(): boolean {
  const { JAVA_HOME, PATH = '' } = process.env;
  return (
    JAVA_HOME !== undefined || PATH.split(delimiter).some((directory) => existsSync(join(directory, 'java')))
  );
}

function startScript(): string | undefined {
  const script = join(sharedDir() ?? '', 'servers', 'elasticsearch', 'start.sh');
  return existsSync(script) ? script : undefined;
}

export type StoredDocuments = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

export interface TlsFilePaths {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** How a server of our own is started, each time. */
interface Launch {
  readonly version: ElasticsearchVersion;
  readonly port: number;
  readonly directory: string;
  readonly tls: TlsFilePaths | undefined;
}

interface ServerOptions {
  readonly url: string;
  readonly caFile: string | undefined;
  readonly username: string;
  readonly password: string;
  readonly launch?: Launch;
}

/** A server with security on. */
export class ElasticsearchServer implements AsyncDisposable {
  readonly url: string;
  readonly caFile: string | undefined;
  readonly username: string;
  readonly password: string;
  readonly #launch: Launch | undefined;
  #process: ChildProcess | undefined;

  private constructor({ url, caFile, username, password, launch }: ServerOptions) {
    this.url = url;
    this.caFile = caFile;
    this.username = username;
    this.password = password;
    this.#launch = launch;
  }

  static async start(version: ElasticsearchVersion, tls?: TlsFilePaths): Promise<ElasticsearchServer> {
    const { env } = process;
    if (version === 'running') {
      return new ElasticsearchServer({
        url: env['TEST_ELASTICSEARCH_URL'] ?? '',
        caFile: env['TEST_ELASTICSEARCH_CA_FILE'],
        username: env['TEST_ELASTICSEARCH_USERNAME'] ?? 'elastic',
        password: env['TEST_ELASTICSEARCH_PASSWORD'] ?? '',
      });
    }
    const directory = await mkdtemp(join(tmpdir(), `elasticsearch-${version}-`));
    const port = await freePorts(1);
    const server = new ElasticsearchServer({
      url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
      caFile: tls?.ca,
      username: 'elastic',
      password: PASSWORD,
      launch: { version, port, directory, tls },
    });
    try {
      await server.resume();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts a server of our own again, with what it had when it ended. */
  async resume(): Promise<void> {
    if (this.#launch === undefined) throw new Error('this server is not ours to start');
    const { version, port, directory, tls } = this.#launch;
    const child = spawn(startScript() ?? '', [version, String(port), directory, ...tlsArguments(tls)], {
      env: { ...process.env, ELASTIC_PASSWORD: PASSWORD, ES_HEAP: '400m' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    await ready(child);
    await this.#authenticated();
    await this.call('GET', '/_cluster/health?wait_for_status=yellow&timeout=120s');
  }

  /** Ends a server of our own: with SIGTERM it puts everything in order first, with SIGKILL nothing. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(timer);
  }

  /** A request as the administrator. Rejects where the answer is no 2xx. */
  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const { statusCode, text } = await this.#request(method, path, body);
    if (statusCode < 200 || statusCode > 299) throw new Error(`${method} ${path}: ${statusCode} ${text}`);
    return text === '' ? {} : JSON.parse(text);
  }

  /** The encoded form of a new API key that may do only this on these data streams. */
  async createApiKey(dataStream: string, privileges: readonly string[]): Promise<string> {
    const role = { index: [{ names: [dataStream], privileges }] };
    const body = { name: 'kaatest', role_descriptors: { agent: role } };
    const { encoded } = (await this.call('POST', '/_security/api_key', body)) as { encoded: string };
    return encoded;
  }

  /** Ids and documents of a data stream, at most 10,000; `query` chooses some. */
  async documents(dataStream: string, query: object = { match_all: {} }): Promise<StoredDocuments> {
    await this.call('POST', `/${dataStream}/_refresh`);
    const search = await this.call('POST', `/${dataStream}/_search`, { size: 10_000, query });
    const { hits } = search as {
      hits: { hits: { _id: string; _source: Readonly<Record<string, unknown>> }[] };
    };
    return new Map(hits.hits.map(({ _id, _source }) => [_id, _source]));
  }

  async count(dataStream: string): Promise<number> {
    await this.call('POST', `/${dataStream}/_refresh`);
    return ((await this.call('GET', `/${dataStream}/_count`)) as { count: number }).count;
  }

  /** The ids of all documents of a data stream, one for each document. */
  async ids(dataStream: string): Promise<string[]> {
    await this.call('POST', `/${dataStream}/_refresh`);
    const sort = ['log.file.fingerprint', 'log.offset'];
    const ids: string[] = [];
    let after: unknown;
    do {
      const query = {
        size: 10_000,
        sort,
        _source: false,
        ...(after !== undefined && { search_after: after }),
      };
      const { hits } = (await this.call('POST', `/${dataStream}/_search`, query)) as {
        hits: { hits: { _id: string; sort: unknown }[] };
      };
      ids.push(...hits.hits.map(({ _id }) => _id));
      after = hits.hits.at(-1)?.sort;
    } while (after !== undefined);
    return ids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nobody needs what it would put in order.
    await this.end('SIGKILL');
    if (this.#launch !== undefined) await rm(this.#launch.directory, { recursive: true, force: true });
  }

  /** Security is ready a little later than the rest. */
  async #authenticated(): Promise<void> {
    const deadlineMs = Date.now() + START_LIMIT_MS;
    while ((await this.#request('GET', '/_security/_authenticate')).statusCode !== 200) {
      if (Date.now() > deadlineMs) throw new Error(`${this.url} does not let anybody in`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #request(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ statusCode: number; text: string }> {
    const ca = this.caFile === undefined ? undefined : await readFile(this.caFile);
    const send = this.url.startsWith('https:') ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      const auth = `${this.username}:${this.password}`;
      const request = send(
        `${this.url}${path}`,
        { method, headers, auth, agent: false, ...(ca && { ca }) },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve({ statusCode: response.statusCode ?? 0, text }));
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function tlsArguments(tls: TlsFilePaths | undefined): string[] {
  if (tls === undefined) return [];
  const ssl = 'xpack.security.http.ssl';
  return [
    '-E',
    `${ssl}.enabled=true`,
    '-E',
    `${ssl}.key=${tls.key}`,
    '-E',
    `${ssl}.certificate=${tls.certificate}`,
  ];
}

/** Waits for the line that says so; its output is read on, so that the server never blocks on it. */
async function ready(child: ChildProcess): Promise<void> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the server has no output');
  const last: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new Error(`Elasticsearch ${why}: ${last.slice(-5).join('\n')}`));
    const timer = setTimeout(() => fail('did not get ready'), START_LIMIT_MS);
    const look = (line: string): void => {
      last.push(line);
      if (last.length > 50) last.shift();
      if (!line.includes('READY elasticsearch')) return;
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
