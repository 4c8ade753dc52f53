import { afterEach, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { openTelemetryServer, type TelemetryServer } from '../../agent/telemetry/server.ts';
import { loopsTurn, readinessReport, type ShipperHealth } from '../../agent/telemetry/readiness.ts';

const HEALTHY: ShipperHealth = {
  log: 'api',
  sink: 'siem',
  logReadable: true,
  sinkReady: true,
  sinkReason: '',
  sinkDetail: '',
  waitingFor: '',
  lastTurnMs: 1000,
  lagBytes: 0,
  lagSeconds: 0,
};

let server: TelemetryServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

interface State {
  alive: boolean;
  shippers: readonly ShipperHealth[];
}

async function open(state: Partial<State> = {}): Promise<TelemetryServer> {
  server = await openTelemetryServer({
    host: '127.0.0.1',
    port: 0,
    liveness: () => state.alive ?? true,
    readiness: () => readinessReport(state.shippers ?? [HEALTHY]),
    metrics: () => Promise.resolve('up 1\n'),
  });
  return server;
}

interface Reply {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

function ask({ port }: TelemetryServer, path: string, method = 'GET'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, path, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (body += part));
      response.on('end', () =>
        resolve({ status: response.statusCode, type: response.headers['content-type'], body }),
      );
    });
    asked.on('error', reject).end();
  });
}

describe('the metrics and health server', () => {
  it('answers /livez by whether the loops turn', async () => {
    const state = { alive: true };
    const at = await open(state);

    expect(await ask(at, '/livez')).toMatchObject({ status: 200, body: 'ok\n' });
    state.alive = false;

    expect((await ask(at, '/livez')).status).toBe(503);
  });

  it('answers /readyz with 200 and the reason while a sink is dead', async () => {
    const dead = { ...HEALTHY, sinkReady: false, sinkReason: 'connect', sinkDetail: 'refused', lagBytes: 5 };
    const at = await open({ shippers: [dead, { ...HEALTHY, sink: 'archive' }] });

    const { status, type, body } = await ask(at, '/readyz');

    expect([status, type]).toEqual([200, 'application/json']);
    expect(JSON.parse(body)).toEqual({
      ready: true,
      logs: [{ name: 'api', readable: true }],
      sinks: [
        {
          name: 'siem',
          log: 'api',
          ready: false,
          reason: 'connect',
          detail: 'refused',
          lagBytes: 5,
          lagSeconds: 0,
        },
        { name: 'archive', log: 'api', ready: true, lagBytes: 0, lagSeconds: 0 },
      ],
    });
  });

  it('answers /readyz with 503 while a log cannot be read', async () => {
    const at = await open({ shippers: [HEALTHY, { ...HEALTHY, log: 'other', logReadable: false }] });

    const { status, body } = await ask(at, '/readyz');

    expect(status).toBe(503);
    expect(JSON.parse(body)).toMatchObject({
      ready: false,
      logs: [{ readable: true }, { name: 'other', readable: false }],
    });
  });

  it('serves metrics in the text format, also with a query', async () => {
    const at = await open();

    expect(await ask(at, '/metrics?x=1')).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: 'up 1\n',
    });
    expect(await ask(at, '/metrics', 'HEAD')).toMatchObject({ status: 200, body: '' });
  });

  it('refuses other paths and methods', async () => {
    const at = await open();

    expect((await ask(at, '/')).status).toBe(404);
    expect((await ask(at, '/metrics', 'POST')).status).toBe(405);
  });

  it('is not ready before there are shippers', async () => {
    const at = await open({ shippers: [] });

    expect((await ask(at, '/readyz')).status).toBe(503);
  });

  it('rejects with a clear error where the port is taken', async () => {
    const { port } = await open();
    const again = openTelemetryServer({
      host: '127.0.0.1',
      port,
      liveness: () => true,
      readiness: () => readinessReport([]),
      metrics: () => Promise.resolve(''),
    });

    await expect(again).rejects.toMatchObject({
      code: 'TELEMETRY_LISTEN',
      message: `telemetry.listen: cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
  });

  it('closes at once while clients hold connections', async () => {
    const at = await open();
    const client = connect(at.port, '127.0.0.1');
    await once(client, 'connect');
    client.write('GET /metrics HTTP/1.1\r\n');
    // The server resets the connection, which is an error for the client.
    client.on('error', () => {});
    const closed = new Promise((resolve) => client.once('close', resolve));

    await at.close();

    await closed;
    const reuse = createServer().listen(at.port, '127.0.0.1');
    await once(reuse, 'listening');
    expect((reuse.address() as AddressInfo).port).toBe(at.port);
    reuse.close();
  });
});

describe('liveness', () => {
  const limits = { nowMs: 61_000, maxSilenceMs: 60_000 };

  it('is given while loops turn, or wait for something', () => {
    expect(loopsTurn([{ ...HEALTHY, lastTurnMs: 1001 }], limits)).toBe(true);
    expect(loopsTurn([{ ...HEALTHY, lastTurnMs: 0, waitingFor: 'sink' }], limits)).toBe(true);
  });

  it('is not given when one loop has been silent for too long', () => {
    expect(
      loopsTurn(
        [
          { ...HEALTHY, lastTurnMs: 60_000 },
          { ...HEALTHY, lastTurnMs: 1000 },
        ],
        limits,
      ),
    ).toBe(false);
  });
});
