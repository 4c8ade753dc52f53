/**
 * The whole agent, built and run as a process, between recorded logs and real Elasticsearch servers (where those come from:
 * test/support/elasticsearch-server.ts). Everything that is expected is made from the files on disk.
 */
import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { buildAgentBundle } from '../support/agent-bundle.ts';
import type { AgentBundle } from '../support/agent-bundle.ts';
import type { AgentProcess } from '../support/agent-process.ts';
import { recordedLines } from '../support/audit-lines.ts';
import { describeElasticsearch } from '../support/describe-elasticsearch.ts';
import { availableElasticsearch, ElasticsearchServer } from '../support/elasticsearch-server.ts';
import { REPLAYED_LINES, ReplayedLog, replayedLogs } from '../support/replayed-log.ts';
import { isSameJson } from '../support/same-json.ts';
import { saySkipped } from '../support/say-skipped.ts';
import { NO_DIFFERENCE, Shipment } from '../support/shipment.ts';

const TEST_LIMIT_MS = 400_000;
/** Some events at a time, so that there is a middle. */
const SMALL_BATCHES = { maxEvents: 250 };
/** Answers of the server that pass before it is held up; all logs together need some forty. */
const IN_THE_MIDDLE = 8;
/** Members of an event that must arrive as they were logged, whatever else is in it. */
const ENVELOPE = [
  'auditID',
  'stage',
  'level',
  'verb',
  'requestURI',
  'user',
  'impersonatedUser',
  'objectRef',
  'sourceIPs',
  'userAgent',
  'responseStatus',
  'requestReceivedTimestamp',
  'stageTimestamp',
];
const BODIES = ['requestObject', 'responseObject'];
/** What Elasticsearch refuses in the hostile bodies: each occurs there in the request that an API server was sent. */
const REFUSED = {
  'an empty key': '"requestObject":{"":1,',
  'keys made of dots': '"requestObject":{".":1,"..":',
  'a key met twice': '"requestObject":{"metadata":{"labels":{"x":"1"}},"metadata":',
  'a secret behind a key met twice':
    '"requestObject":{"stringData":{"password":"planted-secret-first"},"stringData":',
  'text where an object is mapped': '"requestObject":{"spec":"a string where',
  'arrays in arrays, 6,000 deep': '['.repeat(6000),
  'objects in objects, 1,200 deep': '{"a":'.repeat(1200),
  'a number of 2,000 digits': '9'.repeat(2000),
};

type Json = Readonly<Record<string, unknown>>;

const versions = availableElasticsearch();
const hasRecorded = recordedLines('hostile').length > 0;
if (versions.length === 0) saySkipped('no Elasticsearch for the agent to ship to');
if (!hasRecorded) saySkipped('no recorded audit logs for the agent to ship');

describeElasticsearch(hasRecorded ? versions : [])('the agent that ships to Elasticsearch %s', (version) => {
  let server: ElasticsearchServer;
  let bundle: AgentBundle;

  beforeAll(async () => {
    bundle = await buildAgentBundle();
    server = await ElasticsearchServer.start(version);
  }, TEST_LIMIT_MS);

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await bundle[Symbol.asyncDispose]();
  }, TEST_LIMIT_MS);

  const newShipment = (name: string): Promise<Shipment> =>
    Shipment.create({ server, bundle, name, sink: { batch: SMALL_BATCHES } });

  /** Starts the agent and waits until the server has documents that the agent does not know of, and lacks others that were sent. */
  async function startToTheMiddle(shipment: Shipment): Promise<AgentProcess> {
    shipment.relay.holdAfter(IN_THE_MIDDLE);
    const agent = shipment.start();
    await agent.until('answers and requests are held up', () => shipment.relay.isHolding);
    return agent;
  }

  /** Lets the agent come to the end, and looks at what is there then. */
  async function finish(shipment: Shipment, agent: AgentProcess): Promise<void> {
    await shipment.untilSettled(agent);
    expect(await agent.metric('dead_letters_total')).toBe(0);
    expect(await agent.metric('gaps_total')).toBe(0);
    expect(await shipment.stop(agent)).toEqual({ code: 0, signal: null });
    expect(await shipment.difference()).toEqual(NO_DIFFERENCE);
  }

  it(
    'ships every hostile event with its whole envelope, and nothing becomes a dead letter',
    async () => {
      await using shipment = await Shipment.create({ server, bundle, name: 'hostile' });
      const log = await ReplayedLog.create('hostile', join(shipment.home.directory, 'hostile'));
      await log.writeUpTo(1);
      await shipment.setUp([log]);

      await finish(shipment, shipment.start());

      const lines = await shipment.lines();
      const stored = await server.documents(shipment.dataStream);
      expect(lines.size).toBe(453);
      expect([...lines].flatMap(([id, line]) => problemsOf(line, stored.get(id)))).toEqual([]);
      const refused = [...lines.values()].flatMap((line) => refusedFor(line.toString()));
      expect(new Set(refused)).toEqual(new Set(Object.keys(REFUSED)));
      expect(await shipment.home.deadLetters()).toEqual([]);
    },
    TEST_LIMIT_MS,
  );

  // A server that somebody else runs is not killed.
  const ofOurOwn = version === 'running' ? it.skip : it;

  it(
    'ships recorded logs complete over a rotation, and once more from an empty state directory adds nothing',
    async () => {
      await using shipment = await newShipment('twice');
      const logs = await setUpRecorded(shipment);
      const agent = await startToTheMiddle(shipment);
      await rotateAndEnd(logs);
      shipment.relay.release();
      await finish(shipment, agent);
      const lines = await shipment.lines();

      await shipment.configure({ stateDir: join(shipment.home.directory, 'empty-state') });
      const second = shipment.start();
      await second.until('everything has been sent again', async () => {
        return (await second.metric('settled_documents_total')) >= lines.size;
      });

      expect(await second.metric('duplicate_documents_total')).toBe(lines.size);
      expect(await shipment.stop(second)).toEqual({ code: 0, signal: null });
      expect(await shipment.difference()).toEqual(NO_DIFFERENCE);
      expect(lines.size).toBe(REPLAYED_LINES);
    },
    TEST_LIMIT_MS,
  );

  it(
    'is stopped in the middle, settles what is on its way, and later goes on without sending anything twice',
    async () => {
      await using shipment = await newShipment('stopped');
      const logs = await setUpRecorded(shipment);
      const first = await startToTheMiddle(shipment);
      first.signal('SIGTERM');
      await first.untilLogged('agent-stopping');
      shipment.relay.release();
      expect(await shipment.untilEnded(first)).toEqual({ code: 0, signal: null });
      await rotateAndEnd(logs);

      const second = shipment.start();

      await shipment.untilSettled(second);
      expect(await second.metric('duplicate_documents_total')).toBe(0);
      await finish(shipment, second);
    },
    TEST_LIMIT_MS,
  );

  it(
    'is killed in the middle, and later sends again what it did not know to be stored',
    async () => {
      await using shipment = await newShipment('killed');
      const logs = await setUpRecorded(shipment);
      const first = await startToTheMiddle(shipment);
      await first.kill();
      shipment.relay.cut();
      await rotateAndEnd(logs);

      const second = shipment.start();

      await shipment.untilSettled(second);
      expect(await second.metric('duplicate_documents_total')).toBeGreaterThan(0);
      await finish(shipment, second);
    },
    TEST_LIMIT_MS,
  );

  ofOurOwn(
    'outlives a server that is killed in the middle of bulk requests',
    async () => {
      await using shipment = await newShipment('outlives');
      const logs = await setUpRecorded(shipment);
      const agent = await startToTheMiddle(shipment);
      await server.end('SIGKILL');
      shipment.relay.cut();
      await rotateAndEnd(logs);
      await agent.untilLogged('sink-state');

      await server.resume();

      await shipment.untilSettled(agent);
      expect(await agent.metric('duplicate_documents_total')).toBeGreaterThan(0);
      await finish(shipment, agent);
    },
    TEST_LIMIT_MS,
  );
});

/** Lets the shipment have the three recorded logs, the first part of each in its live file. */
async function setUpRecorded(shipment: Shipment): Promise<readonly ReplayedLog[]> {
  const logs = await replayedLogs(shipment.home.directory);
  for (const log of logs) await log.writeUpTo(0.6);
  await shipment.setUp(logs);
  return logs;
}

/** Writes what is left of the recorded lines, most of it into new live files. */
async function rotateAndEnd(logs: readonly ReplayedLog[]): Promise<void> {
  for (const log of logs) {
    await log.rotate();
    await log.writeUpTo(1);
  }
}

function refusedFor(text: string): string[] {
  return Object.entries(REFUSED).flatMap(([what, part]) => (text.includes(part) ? [what] : []));
}

/** In what a document is not what its line promises. */
function problemsOf(line: Buffer, document: Json | undefined): string[] {
  // Bytes that are no UTF-8 become U+FFFD.
  const text = line.toString();
  const event = JSON.parse(text) as Json;
  if (document === undefined) return [`${String(event['auditID'])}: missing`];
  const { audit } = document['kubernetes'] as { audit: Json };
  const own = document['k8s_audit'] as { degraded?: readonly string[]; bodies?: string };
  const isReduced = refusedFor(text).length > 0;
  const problems = [...ENVELOPE, ...(isReduced ? [] : BODIES)]
    .filter((member) => !isSameJson(audit[member], event[member]))
    .map((member) => `${member} is another`);
  if (isReduced && !hasBodiesAsText(own.bodies, text)) problems.push('the bodies are not there as text');
  const degraded = [...(isUtf8(line) ? [] : ['utf8']), ...(isReduced ? ['document_parsing_exception'] : [])];
  if (!isSameJson(own.degraded ?? [], degraded)) problems.push(`degraded: ${own.degraded?.join()}`);
  return problems.map((problem) => `${String(event['auditID'])}: ${problem}`);
}

/** Both bodies, as they stand in the line. */
function hasBodiesAsText(bodies: string | undefined, line: string): boolean {
  return bodies?.startsWith('{"requestObject":') === true && line.includes(bodies.slice(1, -1));
}
