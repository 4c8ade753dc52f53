import type * as http from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorCode, ListenError } from '../errors.ts';
import { METRICS_CONTENT_TYPE } from './metrics.ts';
import type { ReadinessReport } from './readiness.ts';

/** Requests come from probes and scrapers: few, small and quick. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;

export interface TelemetryServerOptions {
  readonly host: string;
  readonly port: number;
  /** Whether the loops turn. */
  readonly liveness: () => boolean;
  readonly readiness: () => ReadinessReport;
  /** The metrics as text. */
  readonly metrics: () => Promise<string>;
}

export interface TelemetryServer {
  readonly address: string;
  /** The port it listens on, also where 0 was asked for. */
  readonly port: number;
  /** Ends at once, open connections included. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Serves `/livez`, `/readyz` and `/metrics`. Rejects with a ListenError where the address cannot be had. */
export async function openTelemetryServer(options: TelemetryServerOptions): Promise<TelemetryServer> {
  const server = httpModule().createServer({
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('request', (request, response) => void respond(request, response, options));
  await listen(server, options);
  const { address, port } = server.address() as AddressInfo;
  return { address, port, close: () => close(server) };
}

/** An `import` of node:http also loads Node's fetch implementation, which costs 6 MB that nothing here needs. */
function httpModule(): typeof http {
  return process.getBuiltinModule('node:http');
}

function listen(server: Server, { host, port }: TelemetryServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(new ListenError(`telemetry.listen: cannot listen on ${host}:${port}: ${listenFailure(error)}`));
    });
    server.listen({ host, port }, () => {
      // Accepting may fail later (no descriptors left); the next probe tries again.
      server.removeAllListeners('error').on('error', () => {});
      resolve();
    });
  });
}

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
};

function listenFailure(error: Error): string {
  return LISTEN_FAILURES[errorCode(error) ?? ''] ?? error.message;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: TelemetryServerOptions,
): Promise<void> {
  const { status, type, body } = await answer(request, options);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answer(request: IncomingMessage, options: TelemetryServerOptions): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET is served here\n');
  switch (pathOf(request)) {
    case '/livez':
      return options.liveness() ? plain(200, 'ok\n') : plain(503, 'a loop does not turn\n');
    case '/readyz': {
      const report = options.readiness();
      return {
        status: report.ready ? 200 : 503,
        type: 'application/json',
        body: `${JSON.stringify(report)}\n`,
      };
    }
    case '/metrics':
      return { status: 200, type: METRICS_CONTENT_TYPE, body: await options.metrics() };
    default:
      return plain(404, 'served here: /livez, /readyz, /metrics\n');
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').replace(/\?.*$/, '');
}

function plain(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}
