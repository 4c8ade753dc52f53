import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AgentHome, siemSink } from '../support/agent-home.ts';
import type { AgentProcess } from '../support/agent-process.ts';
import { auditLine } from '../support/audit-line.ts';
import { FaultyBulkServer } from '../support/faulty-bulk-server.ts';
import { seededRandom } from '../support/mutate-line.ts';
import { until } from '../support/until.ts';
import type { WrittenLine, WrittenLog } from '../support/written-log.ts';

const SEED = Math.trunc(Number(process.env['TEST_SEED'] ?? '20261121'));
const KILLS = 20;
const PRELOAD = join(import.meta.dirname, '..', 'support', 'fault-preload.ts');

let home: AgentHome;
let log: WrittenLog;

beforeEach(async () => {
  home = await AgentHome.create();
  log = await home.createLog();
});

afterEach(() => home[Symbol.asyncDispose]());

/** Each ninth is no event. */
function lineOf(number: number): string {
  return number % 9 === 4 ? `no event ${number}` : auditLine(number);
}

function isEvent({ text }: WrittenLine): boolean {
  return text.startsWith('{');
}

function rangeOf(range: { fingerprint: string; start: number; end: number }): string {
  return `${range.fingerprint} ${range.start} ${range.end}`;
}

async function deadRanges(): Promise<string[]> {
  return (await home.deadLetters()).map(({ range }) => rangeOf(range)).toSorted();
}

/** A document without the time at which its line was read, and the path under which it was. */
function withoutReading(document: string): string {
  return document
    .replace(/"created":"[^"]*","ingested":"[^"]*"/, '')
    .replace(/"path":"[^"]*audit[^"]*\.log"/, '');
}

function untilArrived(agent: AgentProcess, server: FaultyBulkServer): Promise<unknown> {
  const events = log.lines.filter(isEvent).length;
  const others = log.lines.length - events;
  return agent.until(
    'everything arrived',
    async () => server.documents.size >= events && (await deadRanges()).length >= others,
  );
}

/** Each event is a document with its own id, each other line a dead letter, once. */
async function expectAllOnce(server: FaultyBulkServer): Promise<void> {
  const events = log.lines.filter(isEvent);
  const others = log.lines.filter((line) => !isEvent(line));
  expect(new Set(server.documents.keys())).toEqual(new Set(events.map(({ id }) => id)));
  expect(await deadRanges()).toEqual(others.map(rangeOf).toSorted());
  // What was sent before a crash and after it was the same to the byte, but for what tells of the reading itself.
  const differing = server.differing.filter(
    ([stored, other]) => withoutReading(stored) !== withoutReading(other),
  );
  expect(differing).toEqual([]);
}

describe('an agent that is killed with SIGKILL', () => {
  it('at twenty random moments over a growing, rotating log and a slow sink loses no line and doubles none', async () => {
    const random = seededRandom(SEED);
    await using server = await FaultyBulkServer.start({
      fault: () => ({ kind: 'slow', delayMs: random() * 80, storesLast: random() < 0.5 }),
    });
    await home.configure({ sinks: [siemSink(server.url, { batch: { maxEvents: 20, maxAgeMs: 20 } })] });
    let written = 0;
    const write = async (lines: number): Promise<void> => {
      await log.append(Array.from({ length: lines }, (_, index) => lineOf(written + index)));
      written += lines;
    };

    for (let kill = 0; kill < KILLS; kill += 1) {
      await write(150);
      const agent = home.start();
      const before = server.requests.length;
      // Some die before they have sent anything, the others with batches on their way, some of them while the log is rotated.
      const requests = kill % 5 === 0 ? 0 : 1 + Math.trunc(random() * 6);
      await agent.until('the agent is at work', () =>
        requests === 0
          ? agent.logged('telemetry-listening').length > 0
          : server.requests.length >= before + requests,
      );
      if (random() < 0.4) await log.rotate();
      await write(10);
      await delay(random() * 60);
      expect(await agent.kill()).toMatchObject({ signal: 'SIGKILL' });
      const ranges = await deadRanges();
      expect({ seed: SEED, kill, double: ranges.length - new Set(ranges).size }).toMatchObject({ double: 0 });
    }
    const last = home.start();
    await untilArrived(last, server);

    expect(await last.stop()).toEqual({ code: 0, signal: null });
    await expectAllOnce(server);
    expect(server.duplicates).toBeGreaterThan(0);
  }, 180_000);

  /** Operation and how often: each agent dies at its operation, the next one starts where that left everything. */
  const operations = [
    'position open',
    'position write',
    'position sync',
    'position rename',
    'dead-letter open',
    'dead-letter write',
    'dead-letter sync',
  ];
  const places = operations.flatMap((operation) => [1, 2, 4].map((times) => `${operation} ${times}`));
  const startPlaces = ['state link 1', 'state unlink 1', 'state rename 1', 'state unlink 2'];

  it('at each write, fsync, rename and open of position and dead letters loses no line and doubles none', async () => {
    await using server = await FaultyBulkServer.start({
      fault: () => ({ kind: 'slow', delayMs: 30, storesLast: true }),
    });
    await home.configure({ sinks: [siemSink(server.url, { batch: { maxEvents: 5, maxAgeMs: 20 } })] });
    const report = join(home.directory, 'report');
    let written = 0;
    const write = async (): Promise<void> => {
      await log.append(Array.from({ length: 12 }, (_, index) => lineOf(written + index)));
      written += 12;
    };

    for (const faultAt of [...places, ...startPlaces]) {
      await rm(report, { force: true });
      const env = { FAULT_DIRECTORY: home.stateDir, FAULT_AT: faultAt, FAULT_REPORT: report };
      const agent = home.start({ preload: PRELOAD, env });
      // Goes on while the agent lives, so that there is always another position and another dead letter to be written.
      await until(`death at ${faultAt}`, async () => {
        if (agent.hasEnded) return true;
        if (!startPlaces.includes(faultAt)) await write();
        return false;
      });
      expect(await agent.exit).toEqual({ code: null, signal: 'SIGKILL' });
      expect({ faultAt, reached: existsSync(report) }).toEqual({ faultAt, reached: true });
      if (faultAt.endsWith('2')) await log.rotate();
      const ranges = await deadRanges();
      expect({ faultAt, double: ranges.length - new Set(ranges).size }).toEqual({ faultAt, double: 0 });
    }
    const last = home.start();
    await untilArrived(last, server);

    expect(await last.stop()).toEqual({ code: 0, signal: null });
    await expectAllOnce(server);
  }, 240_000);
});
