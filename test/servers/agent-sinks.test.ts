/** The whole agent with an Elasticsearch server that speaks TLS: alone, and beside a `file` sink while the server is away. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { documentId } from '../../agent/event/document-id.ts';
import { buildAgentBundle } from '../support/agent-bundle.ts';
import type { AgentBundle } from '../support/agent-bundle.ts';
import type { AgentProcess } from '../support/agent-process.ts';
import { recordedLines } from '../support/audit-lines.ts';
import { describeElasticsearch } from '../support/describe-elasticsearch.ts';
import { availableElasticsearch, ElasticsearchServer } from '../support/elasticsearch-server.ts';
import { REPLAYED_LINES, ReplayedLog, replayedLogs } from '../support/replayed-log.ts';
import { saySkipped } from '../support/say-skipped.ts';
import { differenceOf, NO_DIFFERENCE, Shipment, SIEM } from '../support/shipment.ts';

const TEST_LIMIT_MS = 400_000;
const ARCHIVE = 'archive';
/** Shares of the recorded lines that are written one after another while the server is away. */
const SHARES_MEANWHILE = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8];

const fixture = (name: string): string => join(import.meta.dirname, '../fixtures/tls', name);

// A server that is only there, and not ours to start, has another certificate and is not stopped.
const versions = availableElasticsearch().filter((version) => version === '9.5');
const hasRecorded = recordedLines('metadata').length > 0;
if (versions.length === 0) saySkipped('no Elasticsearch that can be started with TLS and stopped');
if (!hasRecorded) saySkipped('no recorded audit logs for two sinks');

describeElasticsearch(hasRecorded ? versions : [])('the agent and Elasticsearch %s over TLS', (version) => {
  let server: ElasticsearchServer;
  let bundle: AgentBundle;

  beforeAll(async () => {
    bundle = await buildAgentBundle();
    const tls = { ca: fixture('ca.pem'), certificate: fixture('server.pem'), key: fixture('server.key') };
    server = await ElasticsearchServer.start(version, tls);
  }, TEST_LIMIT_MS);

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await bundle[Symbol.asyncDispose]();
  }, TEST_LIMIT_MS);

  it(
    'ships recorded logs complete over a rotation, trusting the CA of its file',
    async () => {
      const sink = { batch: { maxEvents: 250 } };
      await using shipment = await Shipment.create({ server, bundle, name: 'tls', sink });
      const logs = await replayedLogs(shipment.home.directory);
      for (const log of logs) await log.writeUpTo(0.6);
      expect(await shipment.setUp(logs)).toContain('created');
      // More than the handshakes take.
      shipment.relay.holdAfter(20);
      const agent = shipment.start();
      await agent.until('answers and requests are held up', () => shipment.relay.isHolding);

      for (const log of logs) await log.rotate();
      shipment.relay.release();
      for (const log of logs) await log.writeUpTo(1);
      await shipment.untilSettled(agent);

      expect(await agent.metric('dead_letters_total')).toBe(0);
      expect(await shipment.stop(agent)).toEqual({ code: 0, signal: null });
      expect(await shipment.difference()).toEqual(NO_DIFFERENCE);
      expect((await shipment.lines()).size).toBe(REPLAYED_LINES);
    },
    TEST_LIMIT_MS,
  );

  it(
    'goes on archiving without delay while the server is away, and the server gets everything after its return',
    async () => {
      await using shipment = await Shipment.create({
        server,
        bundle,
        name: 'away',
        others: ({ directory }) => [
          {
            name: ARCHIVE,
            type: 'file',
            path: join(directory, 'archive/audit-{yyyy}{MM}{dd}{HH}.ndjson.gz'),
          },
        ],
      });
      const log = await ReplayedLog.create('metadata', join(shipment.home.directory, 'metadata'));
      await log.writeUpTo(0.2);
      await shipment.setUp([log]);
      const agent = shipment.start();
      await agent.until('the server has something', async () => (await settled(agent, SIEM)) > 0);

      await server.end('SIGTERM');
      for (const share of SHARES_MEANWHILE) {
        if (share === 0.5) await log.rotate();
        await log.writeUpTo(share);
        await log.endLine();
        // Bounded, and without the server: an archive that waited for it would never get there.
        await shipment.untilSettled(agent, ARCHIVE);
      }
      await agent.untilLogged('sink-state', { sink: SIEM });
      const { status, body } = await agent.get('/readyz');
      const awaySettled = await settled(agent, SIEM);
      const written = (await shipment.lines()).size;
      await server.resume();
      await log.writeUpTo(1);
      await shipment.untilSettled(agent);
      await shipment.untilSettled(agent, ARCHIVE);
      const { body: bodyAfter } = await agent.get('/readyz');

      expect(status).toBe(200);
      expect(sinksOf(body)).toEqual({ [SIEM]: false, [ARCHIVE]: true });
      expect(awaySettled).toBeLessThan(written);
      expect(sinksOf(bodyAfter)).toEqual({ [SIEM]: true, [ARCHIVE]: true });
      expect(await agent.metric('dead_letters_total')).toBe(0);
      expect(await shipment.stop(agent)).toEqual({ code: 0, signal: null });
      expect(await shipment.difference()).toEqual(NO_DIFFERENCE);
      const archived = await archivedIds(join(shipment.home.directory, 'archive'));
      expect(differenceOf(archived, await shipment.lines())).toEqual(NO_DIFFERENCE);
    },
    TEST_LIMIT_MS,
  );
});

function settled(agent: AgentProcess, sink: string): Promise<number> {
  return agent.metric('settled_documents_total', { sink });
}

/** Which sinks are ready, from the body of /readyz. */
function sinksOf(body: string): Record<string, boolean> {
  const { sinks } = JSON.parse(body) as { sinks: { name: string; ready: boolean }[] };
  return Object.fromEntries(sinks.map(({ name, ready }) => [name, ready]));
}

/** The ids of all documents in the slices of a `file` sink, finished or not. */
async function archivedIds(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  const slices = names.filter((name) => /\.ndjson\.gz(\.partial)?$/.test(name));
  const contents = await Promise.all(slices.map((name) => readFile(join(directory, name))));
  return contents.flatMap((content) =>
    gunzipSync(content).toString().trimEnd().split('\n').map(idOfDocument),
  );
}

function idOfDocument(text: string): string {
  const document = JSON.parse(text) as {
    '@timestamp': string;
    log: { offset: number; file: { fingerprint: string } };
  };
  const { offset, file } = document.log;
  return documentId({
    stageTimeMs: Date.parse(document['@timestamp']),
    fingerprint: file.fingerprint,
    offset,
  });
}
