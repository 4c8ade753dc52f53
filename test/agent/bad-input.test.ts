import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AgentHome, LOG_NAME, siemSink } from '../support/agent-home.ts';
import { AGENT_MAIN } from '../support/agent-process.ts';
import { auditLine } from '../support/audit-line.ts';
import { runNode } from '../support/child-process.ts';
import { FaultyBulkServer } from '../support/faulty-bulk-server.ts';
import { WrittenLog } from '../support/written-log.ts';

let home: AgentHome;

beforeEach(async () => {
  home = await AgentHome.create();
});

afterEach(() => home[Symbol.asyncDispose]());

/** Lines that are no event, with the reason that their dead letters must have. */
const BAD: readonly (readonly [line: string, reason: string])[] = [
  ['not JSON', 'json'],
  [auditLine(0).slice(0, 200), 'json'],
  ['{"kind": 0}', 'not-audit'],
  ['{"kind":"Event","apiVersion":"v1","metadata":{"name":"web.17"}}', 'not-audit'],
  ['[]', 'not-audit'],
  ['null', 'not-audit'],
  [
    '2026-11-21T10:00:00.000000000Z AUDIT: id="c1" ip="10.0.0.7" method="GET" user="alice" uri="/api"',
    'json',
  ],
  ['2026-11-21T10:00:00.000000000Z AUDIT: id="c1" response="200"', 'json'],
  ['\u001b]0;owned\u0007\u0001', 'json'],
];

const BINARY = Buffer.from([0x89, 0xff, 0xfe, 0x80, 0x00, 0xc0, 0x0d, 0xf5, 0x01]);

interface Listed {
  readonly log: string;
  readonly reason: string;
  readonly line: string;
  readonly range: { readonly start: number; readonly end: number };
}

async function listed(...options: readonly string[]): Promise<Listed[]> {
  const args = [AGENT_MAIN, 'dead-letter', 'list', '--config', home.configPath, '--json', ...options];
  const { code, out, err } = await runNode(args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as Listed[];
}

function lines(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => auditLine(from + index));
}

describe('an agent whose log holds lines that are no events', () => {
  it('puts each on record once with its reason, counts the empty ones and ships the rest', async () => {
    await using server = await FaultyBulkServer.start();
    const log = await home.createLog();
    await log.append([auditLine(1), ...BAD.slice(0, 4).map(([line]) => line), auditLine(2)]);
    await log.appendRaw(Buffer.from('\n\n\n'));
    await log.append([...BAD.slice(4).map(([line]) => line), auditLine(3)]);
    await log.appendRaw(Buffer.concat([BINARY, Buffer.from('\n')]));
    await log.append([auditLine(4)]);
    await home.configure({ sinks: [siemSink(server.url)] });

    const agent = home.start();
    await agent.until('the events arrive', () => server.documents.size === 4);
    await agent.until(
      'the position is written',
      async () => (await agent.metric('position_offset_bytes')) > 0,
    );
    const counted = {
      empty: await agent.metric('empty_lines_total'),
      events: await agent.metric('events_total'),
      json: await agent.metric('dead_letters_total', { reason: 'json' }),
      notAudit: await agent.metric('dead_letters_total', { reason: 'not-audit' }),
    };

    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(counted).toEqual({ empty: 3, events: 4, json: 6, notAudit: 4 });
    const events = log.lines.filter(({ text }) => text.includes('"stageTimestamp"'));
    expect([...server.documents.keys()].toSorted()).toEqual(events.map(({ id }) => id).toSorted());
    const bytes = await readFile(log.path);
    const letters = await home.deadLetters();
    expect(letters.map(({ reason }) => reason)).toEqual([...BAD.map(([, reason]) => reason), 'json']);
    expect(letters.map(({ range }) => bytes.subarray(range.start, range.end).toString())).toEqual([
      ...BAD.map(([line]) => line),
      BINARY.toString(),
    ]);
    expect(Buffer.from(letters.at(-1)?.lineBase64 ?? '', 'base64')).toEqual(BINARY);
  }, 120_000);

  it('shows them with dead-letter list, whole only with --raw', async () => {
    await using server = await FaultyBulkServer.start();
    const log = await home.createLog();
    await log.append([...BAD.map(([line]) => line), auditLine(1)]);
    await home.configure({ sinks: [siemSink(server.url)] });
    const agent = home.start();
    await agent.until('the event arrives', () => server.documents.size === 1);

    // The agent runs on: looking at dead letters needs no stop.
    const masked = await listed();
    const raw = await listed('--raw');

    const place = { sink: 'siem', log: LOG_NAME };
    expect(raw).toEqual(BAD.map(([line, reason]) => expect.objectContaining({ ...place, reason, line })));
    expect(masked.map(({ reason }) => reason)).toEqual(BAD.map(([, reason]) => reason));
    expect(masked.filter(({ line }) => !line.includes('bytes not shown'))).toEqual([]);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  }, 120_000);
});

describe('an agent with a log whose path is a directory', () => {
  it('says so, goes on with the other logs, and takes the file up once it is one', async () => {
    await using server = await FaultyBulkServer.start();
    const log = await home.createLog();
    await log.append(lines(1, 3));
    await mkdir(home.logPath('aggregated'), { recursive: true });
    const logs = [LOG_NAME, 'aggregated'].map((name) => ({ name, path: home.logPath(name) }));
    await home.configure({ logs, sinks: [siemSink(server.url)] });

    const agent = home.start();
    await agent.untilLogged('log-unreadable', { log: 'aggregated', code: 'LOG_NOT_A_FILE' });
    await agent.until('the other log arrives', () => server.documents.size === 3);
    await agent.until('it is not ready', async () => (await agent.get('/readyz')).status === 503);
    expect(JSON.parse((await agent.get('/readyz')).body)).toMatchObject({
      logs: [
        { name: LOG_NAME, readable: true },
        { name: 'aggregated', readable: false },
      ],
    });
    expect((await agent.get('/livez')).status).toBe(200);

    await rmdir(home.logPath('aggregated'));
    expect(dirname(home.logPath('aggregated'))).not.toBe(dirname(log.path));
    const late = await WrittenLog.create(home.logPath('aggregated'));
    await late.append(lines(100, 2));
    await agent.until('the late log arrives', () => server.documents.size === 5);
    await agent.until('it is ready', async () => (await agent.get('/readyz')).status === 200);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  }, 120_000);
});

describe('an agent whose sink does not resolve', () => {
  it('says so, lets the lag grow, keeps its place, and ships all once the URL is a good one', async () => {
    const log = await home.createLog();
    const sink = (url: string) =>
      siemSink(url, { requestTimeoutMs: 2000, batch: { maxEvents: 10, maxAgeMs: 20 } });
    await home.configure({ sinks: [sink('http://elasticsearch.invalid:9200')], shutdownTimeoutMs: 300 });
    await log.append(lines(0, 100));

    const agent = home.start();
    const said = await agent.untilLogged('sink-state');
    expect(said).toMatchObject({ level: 'error', sink: 'siem' });
    const { size } = await readFile(log.path).then(({ length }) => ({ size: length }));
    await agent.until(
      'the lag is all of the log',
      async () => (await agent.metric('lag_bytes')) > size * 0.98,
    );
    await log.append(lines(100, 100));
    await agent.until('the lag grows', async () => (await agent.metric('lag_bytes')) > size * 1.98);
    const ready = await agent.get('/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.body)).toMatchObject({
      ready: true,
      sinks: [{ name: 'siem', ready: false, reason: said['reason'] }],
    });
    expect((await agent.get('/livez')).status).toBe(200);
    expect(await agent.metric('sink_ready')).toBe(0);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });

    await using server = await FaultyBulkServer.start();
    await home.configure({ sinks: [sink(server.url)] });
    const next = home.start();
    await next.until('all arrives', () => server.documents.size === 200);
    await next.until('the lag is gone', async () => (await next.metric('lag_bytes')) === 0);
    expect(await next.stop()).toEqual({ code: 0, signal: null });
    expect(server.duplicates).toBe(0);
    expect(new Set(server.documents.keys())).toEqual(new Set(log.lines.map(({ id }) => id)));
  }, 120_000);

  it('is refused with exit code 2 where the URL is none', async () => {
    await home.configure({ sinks: [siemSink('elasticsearch:9200')], logs: [{ name: 'Bad Name' }] });
    const agent = home.start();
    expect(await agent.exit).toEqual({ code: 2, signal: null });
    expect(agent.stray).toContain('sinks[0].url');
    expect(agent.stray).toContain('logs[0].path');
  }, 60_000);
});
