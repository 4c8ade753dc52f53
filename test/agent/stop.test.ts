import { readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AgentHome, LOG_NAME, siemSink } from '../support/agent-home.ts';
import type { AgentProcess } from '../support/agent-process.ts';
import { auditLine } from '../support/audit-line.ts';
import { FaultyBulkServer } from '../support/faulty-bulk-server.ts';
import { until } from '../support/until.ts';
import type { WrittenLog } from '../support/written-log.ts';

const DONE = { code: 0, signal: null };

let home: AgentHome;
let log: WrittenLog;

beforeEach(async () => {
  home = await AgentHome.create();
  log = await home.createLog();
});

afterEach(() => home[Symbol.asyncDispose]());

function lines(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => auditLine(from + index));
}

async function offsetOnDisk(): Promise<number> {
  const text = await readFile(home.positionPath(), 'utf8').catch(() => '{}');
  const { position } = JSON.parse(text) as { position?: { offset?: number } };
  return position?.offset ?? -1;
}

async function expectLive(agent: AgentProcess): Promise<void> {
  expect((await agent.get('/livez')).status).toBe(200);
}

async function sinksOf(agent: AgentProcess): Promise<unknown> {
  const { body } = await agent.get('/readyz');
  return (JSON.parse(body) as { sinks: unknown }).sinks;
}

function expectAll(server: FaultyBulkServer): void {
  expect(new Set(server.documents.keys())).toEqual(new Set(log.lines.map(({ id }) => id)));
}

describe('an agent that is told to stop', () => {
  it('ends within shutdownTimeoutMs under a hanging sink, with the position of what was settled', async () => {
    await using server = await FaultyBulkServer.start({
      fault: ({ number }) => (number === 0 ? undefined : { kind: 'hang', when: 'before-answer' }),
    });
    // More than fits into all batches, so that reading waits for the sink in the middle of what it has read.
    await log.append(lines(0, 1000));
    const sink = siemSink(server.url, { maxInFlight: 2 });
    await home.configure({ sinks: [sink], shutdownTimeoutMs: 700 });
    const agent = home.start();
    await agent.until('two batches hang', () => server.requests.length === 3);
    await agent.until('the position is written', async () => (await offsetOnDisk()) > 0);
    await expectLive(agent);

    const startedMs = performance.now();
    agent.signal('SIGTERM');
    await until('the agent ends', () => agent.hasEnded);
    const tookMs = performance.now() - startedMs;

    expect(await agent.exit).toEqual(DONE);
    expect(tookMs).toBeGreaterThan(500);
    expect(tookMs).toBeLessThan(15_000);
    expect(agent.logged('agent-stopped')).toMatchObject([{ level: 'warn' }]);
    expect(await offsetOnDisk()).toBe((log.lines[49]?.end ?? 0) + 1);

    server.fault = undefined;
    const next = home.start();
    await next.until('all arrives', () => server.documents.size === 1000);
    expect(await next.stop()).toEqual(DONE);
    expectAll(server);
    expect(await offsetOnDisk()).toBe((log.lines.at(-1)?.end ?? 0) + 1);
  }, 120_000);

  it('delivers what it has read first where the sink is only slow', async () => {
    await using server = await FaultyBulkServer.start({ fault: () => ({ kind: 'slow', delayMs: 300 }) });
    await log.append(lines(0, 20));
    await home.configure({ sinks: [siemSink(server.url)] });
    const agent = home.start();
    await agent.until('a batch is on its way', () => server.requests.length > 0);

    expect(await agent.stop()).toEqual(DONE);
    expect(agent.logged('agent-stopped')).toMatchObject([{ level: 'info' }]);
    expectAll(server);
    expect(await offsetOnDisk()).toBe((log.lines.at(-1)?.end ?? 0) + 1);
  }, 120_000);
});

describe('a second agent on the same state directory', () => {
  it('waits, says so, and takes over when the first one ends', async () => {
    await using server = await FaultyBulkServer.start();
    await log.append(lines(0, 5));
    await home.configure({ sinks: [siemSink(server.url)] });
    const first = home.start();
    await first.until('the first one ships', () => server.documents.size === 5);

    const second = home.start();
    const waiting = await second.untilLogged('state-directory-locked');
    expect(waiting).toMatchObject({ level: 'warn', directory: home.stateDir });
    expect(String(waiting['holder'])).toMatch(/^process \d+, started /);
    expect((await second.get('/readyz')).status).toBe(503);
    await expectLive(second);
    const third = home.start();
    await third.untilLogged('state-directory-locked');
    expect(await third.stop()).toEqual(DONE);

    expect(await first.stop()).toEqual(DONE);
    await log.append(lines(5, 5));
    await second.until('the second one ships', () => server.documents.size === 10);
    expect((await second.get('/readyz')).status).toBe(200);
    expect(await second.stop()).toEqual(DONE);
    expect(server.duplicates).toBe(0);
    expectAll(server);
  }, 120_000);
});

describe('an agent that starts', () => {
  it('sets a corrupt position aside and reads all again, which doubles nothing', async () => {
    await using server = await FaultyBulkServer.start();
    await log.append(lines(0, 30));
    await log.rotate();
    await log.append(lines(30, 10));
    await home.configure({ sinks: [siemSink(server.url)] });
    const before = home.start();
    await before.until('all arrives', () => server.documents.size === 40);
    expect(await before.stop()).toEqual(DONE);
    const half = (await readFile(home.positionPath())).subarray(0, 40);
    await writeFile(home.positionPath(), half);

    const agent = home.start();
    const said = await agent.untilLogged('position-corrupt');
    await agent.until('all was sent again', () => server.duplicates === 40);
    expect(await agent.stop()).toEqual(DONE);

    expect(said).toMatchObject({ level: 'error' });
    expect(await readFile(String(said['setAside']))).toEqual(half);
    expect(await offsetOnDisk()).toBe((log.lines.at(-1)?.end ?? 0) + 1);
    expectAll(server);
  }, 120_000);

  it('at the end of the log keeps that place over a crash before the first batch', async () => {
    await using server = await FaultyBulkServer.start({
      fault: () => ({ kind: 'status', statusCode: 503 }),
    });
    const old = await log.append(lines(0, 5));
    const logs = [{ name: LOG_NAME, path: home.logPath(), startAt: 'end' }];
    await home.configure({ logs, sinks: [siemSink(server.url)] });
    const agent = home.start();
    await agent.until(
      'the start is on record',
      async () => (await offsetOnDisk()) === (old.at(-1)?.end ?? 0) + 1,
    );
    const fresh = await log.append(lines(5, 5));
    await agent.until('a batch is refused', () => server.requests.length > 0);
    await agent.kill();

    await log.append(lines(10, 1));
    server.fault = undefined;
    const next = home.start();
    await next.until('what came after the start arrives', () => server.documents.size >= 6);
    expect(await next.stop()).toEqual(DONE);
    const expected = [...fresh, ...log.lines.slice(10)].map(({ id }) => id);
    expect([...server.documents.keys()].toSorted()).toEqual(expected.toSorted());
  }, 120_000);
});

describe('a running agent', () => {
  it('takes a new API key from its file when the old one is refused', async () => {
    await using server = await FaultyBulkServer.start({
      fault: ({ headers }) =>
        headers.authorization === 'ApiKey bmV3' ? undefined : { kind: 'status', statusCode: 401 },
    });
    const keyPath = join(home.directory, 'api-key');
    await writeFile(keyPath, 'b2xk\n');
    await log.append(lines(0, 5));
    await home.configure({ sinks: [siemSink(server.url, { apiKeyFile: keyPath })] });
    const agent = home.start();
    await agent.untilLogged('sink-state', { reason: 'auth' });
    expect(await sinksOf(agent)).toMatchObject([{ ready: false, reason: 'auth' }]);
    expect((await agent.get('/readyz')).status).toBe(200);
    await expectLive(agent);

    // As the kubelet replaces a secret: by a rename.
    await writeFile(`${keyPath}.new`, 'bmV3\n');
    await rename(`${keyPath}.new`, keyPath);

    await agent.until('the events arrive', () => server.documents.size === 5);
    await agent.until('the sink is ready', async () => (await agent.metric('sink_ready')) === 1);
    expect(agent.logged('secret-file-changed')).toMatchObject([{ path: keyPath }]);
    expect(await agent.stop()).toEqual(DONE);
    expect(JSON.stringify(agent.log)).not.toMatch(/b2xk|bmV3/);
    expectAll(server);
  }, 120_000);

  it('pauses a sink whose dead letters are full, says so, and goes on when there is room', async () => {
    await using server = await FaultyBulkServer.start();
    const bad = Array.from({ length: 8 }, (_, index) => `${index} ${'x'.repeat(250_000)}`);
    await log.append(lines(0, 3));
    await log.append(bad);
    await log.append(lines(3, 3));
    await home.configure({ sinks: [siemSink(server.url)], deadLetter: { maxBytes: '1MiB' } });
    const agent = home.start();
    await agent.untilLogged('dead-letter-full');
    await agent.until('it shows', async () => (await agent.metric('sink_ready')) === 0);
    expect(await sinksOf(agent)).toMatchObject([{ name: 'siem', ready: false, reason: 'dead-letter-full' }]);
    expect((await agent.get('/readyz')).status).toBe(200);
    await expectLive(agent);
    const first = await home.deadLetters();
    expect(first.map(({ line }) => line)).toEqual(bad.slice(0, 4));
    expect(server.documents.size).toBeLessThanOrEqual(3);

    const [name = ''] = await readdir(join(home.stateDir, 'dead-letter'));
    await unlink(join(home.stateDir, 'dead-letter', name));
    await agent.until('the events behind them arrive', () => server.documents.size === 6);
    await agent.until('the sink is ready', async () => (await agent.metric('sink_ready')) === 1);
    expect((await home.deadLetters()).map(({ line }) => line)).toEqual(bad.slice(4));
    expect(await agent.stop()).toEqual(DONE);
  }, 120_000);

  it('ends while its dead letters are full, and has lost nothing', async () => {
    await using server = await FaultyBulkServer.start();
    const bad = Array.from({ length: 6 }, (_, index) => `${index} ${'x'.repeat(250_000)}`);
    await log.append([...bad, ...lines(0, 3)]);
    const settings = { sinks: [siemSink(server.url)], shutdownTimeoutMs: 300 };
    await home.configure({ ...settings, deadLetter: { maxBytes: '1MiB' } });
    const agent = home.start();
    await agent.untilLogged('dead-letter-full');
    agent.signal('SIGTERM');
    await until('the agent ends', () => agent.hasEnded);
    expect(await agent.exit).toEqual(DONE);

    await home.configure({ ...settings, deadLetter: { maxBytes: '4MiB' } });
    const next = home.start();
    await next.until('the events arrive', () => server.documents.size === 3);
    expect(await next.stop()).toEqual(DONE);
    expect((await home.deadLetters()).map(({ line }) => line)).toEqual(bad);
  }, 120_000);

  it('ships a line of 40 MiB, or what of it fits, while another sink is away', async () => {
    await using server = await FaultyBulkServer.start({ keepDocuments: false });
    await using away = await FaultyBulkServer.start();
    await away.close();
    const large = auditLine(1, { level: 'Request', requestObject: { text: 'x'.repeat(40 * 1024 ** 2) } });
    await log.append([auditLine(0), large, auditLine(2)]);
    const sinks = [siemSink(server.url), siemSink(away.url, { name: 'other' })];
    // Batches as large as they are by default: the memory is the default, too.
    await home.configure({ sinks: sinks.map((sink) => ({ ...sink, batch: {} })), shutdownTimeoutMs: 300 });

    const agent = home.start();
    await agent.until('all three arrive', () => server.documents.size === 3);
    await agent.untilLogged('sink-state', { sink: 'other' });
    const whole = agent.logged('document-reduced', { sink: 'siem' }).length === 0;
    const bytes = server.requests.map(({ headers }) => Number(headers['content-length']));
    expect(Math.max(...bytes) > 40 * 1024 ** 2).toBe(whole);
    expect(await sinksOf(agent)).toMatchObject([
      { name: 'siem', ready: true },
      { name: 'other', ready: false, reason: 'connect' },
    ]);
    await expectLive(agent);
    await agent.until(
      'the lag of the other one is said',
      async () => (await agent.metric('lag_bytes', { sink: 'other' })) > 40 * 1024 ** 2,
    );
    await log.append([auditLine(3)]);
    await agent.until('more arrives', () => server.documents.size === 4);

    expect(await agent.stop()).toEqual(DONE);
    expectAll(server);
    expect(await home.deadLetters()).toEqual([]);
  }, 120_000);
});
