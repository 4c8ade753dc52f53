import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AgentHome, siemSink } from '../support/agent-home.ts';
import { type InProcessAgent, startInProcess } from '../support/agent-in-process.ts';
import { auditLine } from '../support/audit-line.ts';
import {
  type BulkItem,
  type Fault,
  FaultyBulkServer,
  type ItemFault,
} from '../support/faulty-bulk-server.ts';
import { seededRandom } from '../support/mutate-line.ts';
import { until } from '../support/until.ts';
import type { WrittenLog } from '../support/written-log.ts';

const SEED = Math.trunc(Number(process.env['TEST_SEED'] ?? '20261121'));
const MANY = 150_000;
const MANY_A_CALL = 10_000;
const STORM_LINES = 3_000;
const STORM_REQUESTS = 250;
const REQUEST_TIMEOUT_MS = 400;
const MAX_REQUEST_BYTES = 40_000;

let home: AgentHome;
let log: WrittenLog;

beforeEach(async () => {
  home = await AgentHome.create();
  log = await home.createLog();
});

afterEach(() => home[Symbol.asyncDispose]());

/** As small as an event can be. */
function smallLine(number: number): string {
  const stageTimestamp = new Date(Date.UTC(2026, 10, 21) + number).toISOString();
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: String(number),
    stage: 'ResponseComplete',
    verb: 'get',
    stageTimestamp,
  });
}

/** Waits until so many documents are stored or dead. */
async function untilSettled(agent: InProcessAgent, server: FaultyBulkServer, lines: number): Promise<void> {
  const state = (): unknown => ({
    seed: SEED,
    stored: server.documents.size,
    requests: server.requests.length,
    dead: agent.events.filter(({ kind }) => kind === 'dead-letter-written').length,
    statuses: agent.statuses(),
    last: agent.events.slice(-3),
  });
  const deadLetters = (): number => agent.events.filter(({ kind }) => kind === 'dead-letter-written').length;
  await until(`${lines} lines settled`, () => server.documents.size + deadLetters() >= lines, state);
}

describe('an agent whose server refuses one document in sixteen', () => {
  it('sends those again and no other, and loses and doubles none of 150,000', async () => {
    const random = seededRandom(SEED);
    const refusals = new Map<string, number>();
    const refuse = ({ id }: BulkItem): ItemFault | undefined => {
      const left = refusals.get(id) ?? (random() < 1 / 16 ? 1 + Math.trunc(random() * 2) : 0);
      refusals.set(id, left - 1);
      return left > 0 ? { status: 429, type: 'es_rejected_execution_exception' } : undefined;
    };
    await using server = await FaultyBulkServer.start({
      keepDocuments: false,
      fault: () => ({ kind: 'items', faultOf: refuse }),
    });
    for (let from = 0; from < MANY; from += MANY_A_CALL)
      await log.append(Array.from({ length: MANY_A_CALL }, (_, index) => smallLine(from + index)));
    await home.configure({ sinks: [siemSink(server.url, { batch: {} })] });

    const agent = await startInProcess(home.configPath, () => random() / 20);
    await untilSettled(agent, server, MANY);
    await agent.stop();

    const refused = [...refusals.values()].filter((left) => left < -1).length;
    const sent = server.requests.reduce((sum, { ids }) => sum + ids.length, 0);
    expect(new Set(server.documents.keys())).toEqual(new Set(log.lines.map(({ id }) => id)));
    expect(server.duplicates).toBe(0);
    // What was taken has been asked about once: `left` went from 0 to -1, and never further.
    expect(refused).toBe(0);
    expect(sent).toBeGreaterThan(MANY + MANY / 20);
    expect(await home.deadLetters()).toEqual([]);
  }, 180_000);
});

describe('an agent in a storm of everything that a server can do', () => {
  /** Some have a body that the server cannot read, some are refused in any form, two are too large for it. */
  const stormLine = (number: number): string => {
    if (number === 500) return auditLine(number, { requestObject: { text: 'x'.repeat(MAX_REQUEST_BYTES) } });
    if (number === 900)
      return auditLine(number, { verb: 'refused', requestURI: `/${'x'.repeat(MAX_REQUEST_BYTES)}` });
    // Two thirds of the requests then hold none of them, and get the faults that store.
    if (number % 300 >= 100) return auditLine(number);
    if (number % 30 === 7) return auditLine(number, { verb: 'refused' });
    if (number % 7 !== 3) return auditLine(number);
    return auditLine(number, { level: 'Request', requestObject: { kind: 'ConfigMap', '': 'unreadable' } });
  };

  const refuseItems =
    (random: () => number) =>
    ({ document }: BulkItem): ItemFault | undefined => {
      if (document.includes('"verb":"refused"')) return { status: 400, type: 'illegal_argument_exception' };
      if (document.includes('"":"unreadable"')) return { status: 400, type: 'document_parsing_exception' };
      const chance = random();
      if (chance < 0.06) return { status: 429, type: 'es_rejected_execution_exception' };
      return chance < 0.08 ? { status: 503, type: 'unavailable_shards_exception' } : undefined;
    };

  /** Nothing is stored. */
  const refusingFaults: readonly (() => Fault)[] = [
    () => ({ kind: 'status', statusCode: 503, body: 'upstream is away' }),
    () => ({ kind: 'status', statusCode: 429, headers: { 'retry-after': '0' } }),
    () => ({ kind: 'reset', when: 'before-storing' }),
    () => ({ kind: 'reset', when: 'before-storing' }),
    () => ({ kind: 'status', statusCode: 502, body: '<html>' }),
  ];

  /** Everything is stored: only requests without documents that are to be refused get these. */
  const storingFaults = (random: () => number): readonly (() => Fault)[] => [
    () => ({ kind: 'slow', delayMs: random() * 2 * REQUEST_TIMEOUT_MS }),
    () => ({ kind: 'reset', when: 'after-storing' }),
    () => ({ kind: 'reset', when: 'mid-answer' }),
    () => ({ kind: 'hang', when: 'before-answer' }),
    () => ({ kind: 'hang', when: 'mid-answer' }),
    () => ({ kind: 'answer', body: '{"errors":false,"items":[]}' }),
    () => ({ kind: 'answer', body: '{"errors":false,"items":[{"create":{"status":201}}]}' }),
    () => ({ kind: 'answer', body: 'OK', contentType: 'text/plain' }),
  ];

  it('brings each event to one place: a document or a dead letter', async () => {
    const random = seededRandom(SEED);
    const items: Fault = { kind: 'items', faultOf: refuseItems(random) };
    const allFaults = [...refusingFaults, ...storingFaults(random)];
    const isAwkward = (id: string): boolean =>
      log.lines.some((line) => line.id === id && /"refused"|"unreadable"/.test(line.text));
    await using server = await FaultyBulkServer.start();
    server.fault = ({ number, headers, ids }) => {
      if (Number(headers['content-length']) > MAX_REQUEST_BYTES) return { kind: 'status', statusCode: 413 };
      if (number >= 40 && number < 48) return { kind: 'status', statusCode: 401 };
      if (number > STORM_REQUESTS || random() < 0.4) return items;
      const choices = ids.some(isAwkward) ? refusingFaults : allFaults;
      return choices[Math.trunc(random() * choices.length)]?.() ?? items;
    };
    const sink = siemSink(server.url, {
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      batch: { maxEvents: 60, maxAgeMs: 20 },
    });
    await home.configure({ sinks: [sink] });

    const agent = await startInProcess(home.configPath, () => random() / 50);
    for (let number = 0; number < STORM_LINES; number += 1) {
      await log.append([stormLine(number)]);
      if (number % 400 === 399) await log.rotate();
    }
    await untilSettled(agent, server, STORM_LINES);
    await agent.stop();

    const letters = await home.deadLetters();
    const refused = log.lines.filter(({ text }) => text.includes('"verb":"refused"'));
    const dead = letters.map(({ range }) => `${range.fingerprint} ${range.start} ${range.end}`);
    expect(dead.toSorted()).toEqual(
      refused.map(({ fingerprint, start, end }) => `${fingerprint} ${start} ${end}`).toSorted(),
    );
    expect(letters.map(({ line = '' }) => line).toSorted()).toEqual(
      refused.map(({ text }) => text).toSorted(),
    );
    const taken = log.lines.filter((line) => !refused.includes(line));
    expect(new Set(server.documents.keys())).toEqual(new Set(taken.map(({ id }) => id)));
    // Whatever was sent again under the same id was the same to the byte.
    expect(server.differing).toEqual([]);
    expect(server.requests.length).toBeGreaterThan(STORM_REQUESTS);
    const retries = agent.events.flatMap((event) => (event.kind === 'batch-retry' ? [event.reason] : []));
    expect(new Set(retries)).toEqual(
      new Set(['auth', 'connect', 'protocol', 'server', 'throttled', 'timeout']),
    );
    expect(agent.events.filter(({ kind }) => kind === 'batch-split').length).toBeGreaterThan(0);
    const reasons = new Set(letters.map(({ reason }) => reason));
    expect(reasons).toEqual(new Set(['illegal_argument_exception', 'too-large']));
  }, 180_000);
});
