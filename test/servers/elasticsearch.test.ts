/**
 * The Elasticsearch sink against real servers; test/support/elasticsearch-server.ts says where they come from and which environment
 * variables give a running one.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import * as z from 'zod';
import { decodeLine } from '../../agent/event/decode.ts';
import type { EventRecord } from '../../agent/event/record.ts';
import { Batch } from '../../agent/sink/batch.ts';
import type { SinkAdmin } from '../../agent/sink/definition.ts';
import { elasticsearchSink } from '../../agent/sink/elasticsearch/definition.ts';
import { setupPlan } from '../../agent/sink/elasticsearch/setup-plan.ts';
import type { Sink } from '../../agent/sink/sink.ts';
import { auditLine } from '../support/audit-line.ts';
import { recordedLines } from '../support/audit-lines.ts';
import type { AuditLines } from '../support/audit-lines.ts';
import { describeElasticsearch } from '../support/describe-elasticsearch.ts';
import { availableElasticsearch, ElasticsearchServer } from '../support/elasticsearch-server.ts';
import { sinkContext, startElasticsearchSink } from '../support/elasticsearch-sink.ts';
import { recordOf } from '../support/event-record.ts';
import { saySkipped } from '../support/say-skipped.ts';

const NEVER = new AbortController().signal;
const TEST_LIMIT_MS = 120_000;
const START_LIMIT_MS = 240_000;
const BATCH_BYTES = 4 * 1024 * 1024;
const fixture = (name: string): string => join(import.meta.dirname, '../fixtures/tls', name);

const versions = availableElasticsearch();
if (versions.length === 0)
  saySkipped('no Elasticsearch (neither SHARED_DIR/servers nor TEST_ELASTICSEARCH_URL)');

/** A batch of lines, encoded by the sink. */
function batchOf(sink: Sink, lines: readonly string[]): Batch {
  const batch = new Batch(Buffer.alloc(BATCH_BYTES));
  let offset = 0;
  for (const line of lines) {
    const record = recordOf(line, offset);
    if (record === undefined || sink.encode(record, batch) !== 0)
      throw new Error('the line cannot be encoded');
    offset += record.lineBytes + 1;
  }
  return batch;
}

function linesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    auditLine(index, index % 3 === 0 ? { requestObject: { index } } : {}),
  );
}

/** A change of `verb` shows whether a document was overwritten. */
const overwritten = (line: string): string => line.replace('"verb":"get"', '"verb":"put"');

describeElasticsearch(versions)('an Elasticsearch sink and Elasticsearch %s', (version) => {
  let server: ElasticsearchServer;
  let directory = '';
  const dataset = `kaatest${process.pid}`;
  const dataStream = `logs-${dataset}-default`;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'elasticsearch-test-'));
    server = await ElasticsearchServer.start(version);
  }, START_LIMIT_MS);

  afterAll(async () => {
    for (const path of [`/_data_stream/${dataStream}`, `/_index_template/kube-audit-agent-logs-${dataset}`])
      await server.call('DELETE', path).catch(() => undefined);
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  }, START_LIMIT_MS);

  async function put(name: string, content: string): Promise<string> {
    const path = join(directory, name);
    await writeFile(`${path}.new`, content);
    await rename(`${path}.new`, path);
    return path;
  }

  async function withAdmin<Result>(work: (admin: SinkAdmin) => Promise<Result>): Promise<Result> {
    const { url, username, caFile } = server;
    const passwordFile = await put('password', server.password);
    const settings = {
      name: 'siem',
      type: 'elasticsearch',
      url,
      dataStream,
      ...(caFile && { tls: { caFile } }),
    };
    const parsed = z.parse(elasticsearchSink.schema, settings);
    const admin = await elasticsearchSink.admin(parsed, sinkContext([]), { username, passwordFile });
    try {
      return await work(admin);
    } finally {
      await admin.close();
    }
  }

  function settingsWith(apiKeyFile: string): Readonly<Record<string, unknown>> {
    const tls = server.caFile === undefined ? {} : { tls: { caFile: server.caFile } };
    return { url: server.url, apiKeyFile, dataStream, ...tls };
  }

  it(
    'waits, and stores nothing, as long as nobody has set it up',
    async () => {
      const apiKeyFile = await put(
        'early-key',
        await server.createApiKey(dataStream, ['create_doc', 'auto_configure']),
      );
      await using under = await startElasticsearchSink(settingsWith(apiKeyFile));

      const result = await under.sink.send(batchOf(under.sink, linesOf(2)), NEVER);

      expect(result).toMatchObject({
        status: 'retry',
        retry: { reason: 'auth', detail: expect.stringContaining('index_not_found_exception') },
      });
      expect(result).not.toHaveProperty('which');
    },
    TEST_LIMIT_MS,
  );

  it(
    'is set up once, and found in order then',
    async () => {
      const first = await withAdmin((admin) => admin.setup(NEVER));
      const second = await withAdmin((admin) => admin.setup(NEVER));
      const findings = await withAdmin((admin) => admin.check(NEVER));

      expect(first.map(({ status }) => status)).toEqual(['created', 'created', 'exists']);
      expect(second.map(({ status }) => status)).toEqual(['exists', 'exists', 'exists']);
      expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    },
    TEST_LIMIT_MS,
  );

  it(
    'takes events from a key that may only create documents, each once, and lets none be overwritten',
    async () => {
      const apiKeyFile = await put('key', await server.createApiKey(dataStream, ['create_doc']));
      await using under = await startElasticsearchSink(settingsWith(apiKeyFile));
      const lines = linesOf(500);

      const first = await under.sink.send(batchOf(under.sink, lines), NEVER);
      const second = await under.sink.send(batchOf(under.sink, lines.map(overwritten)), NEVER);

      expect([first, second]).toEqual([{ status: 'delivered' }, { status: 'delivered' }]);
      expect(under.events).toContainEqual(
        expect.objectContaining({ kind: 'documents-duplicate', documents: 500 }),
      );
      const documents = await server.documents(dataStream);
      expect(documents.size).toBe(500);
      expect(JSON.stringify([...documents.values()])).not.toContain('"put"');
    },
    TEST_LIMIT_MS,
  );

  it(
    'refuses a body that it cannot parse, and takes the event with the body as text',
    async () => {
      const apiKeyFile = await put('key', await server.createApiKey(dataStream, ['create_doc']));
      await using under = await startElasticsearchSink(settingsWith(apiKeyFile));
      const hostile = auditLine(9000, { requestObject: { spec: { '': 'empty key' } } });
      const lines = [auditLine(9001), hostile, auditLine(9002)];
      const batch = batchOf(under.sink, lines);

      const refused = await under.sink.send(batch, NEVER);
      const reduced = under.sink.reduce(batch, 1, 'bodies-as-text', 'document_parsing_exception');
      const taken = reduced && (await under.sink.send(reduced, NEVER));

      expect(refused).toMatchObject({
        status: 'rejected',
        rejected: [{ index: 1, kind: 'document_parsing_exception' }],
      });
      expect(taken).toEqual({ status: 'delivered' });
      const documents = await server.documents(dataStream);
      expect(JSON.stringify([...documents.values()])).toContain('empty key');
    },
    TEST_LIMIT_MS,
  );

  it(
    'refuses a wrong key until a right one is in the file',
    async () => {
      const apiKeyFile = await put('rotated', Buffer.from('wrong:key').toString('base64'));
      await using under = await startElasticsearchSink(settingsWith(apiKeyFile));
      const batch = batchOf(under.sink, [auditLine(9100)]);
      const refused = await under.sink.send(batch, NEVER);

      await put('rotated', await server.createApiKey(dataStream, ['create_doc']));
      const taken = await under.sink.send(batch, NEVER);

      expect(refused).toMatchObject({ status: 'retry', retry: { reason: 'auth' } });
      expect(taken).toEqual({ status: 'delivered' });
    },
    TEST_LIMIT_MS,
  );

  it(
    'refuses a key for other data streams, as a matter of rights',
    async () => {
      const apiKeyFile = await put('other', await server.createApiKey('logs-other-default', ['create_doc']));
      await using under = await startElasticsearchSink(settingsWith(apiKeyFile));

      const result = await under.sink.send(batchOf(under.sink, [auditLine(9200)]), NEVER);

      expect(result).toMatchObject({
        status: 'retry',
        retry: { reason: 'auth', detail: expect.stringContaining('security_exception') },
      });
    },
    TEST_LIMIT_MS,
  );
});

/** Delivers a batch as the pipeline does: what is refused is sent once more with its bodies as text. Returns what is refused even then. */
async function deliverAll(sink: Sink, batch: Batch): Promise<{ reduced: number; refused: string[] }> {
  const result = await sink.send(batch, NEVER);
  if (result.status === 'delivered') return { reduced: 0, refused: [] };
  if (result.status !== 'rejected') throw new Error(JSON.stringify(result));
  const refused: string[] = [];
  for (const { index, kind } of result.rejected) {
    const reduced = sink.reduce(batch, index, 'bodies-as-text', kind);
    const again = reduced && (await sink.send(reduced, NEVER));
    if (again?.status !== 'delivered') refused.push(`${kind}: ${JSON.stringify(again)}`);
  }
  return { reduced: result.rejected.length, refused };
}

/** Batches of all lines of a log, each line once. */
function* batchesOf(sink: Sink, { file, lines }: AuditLines): Generator<Batch> {
  const fingerprint = createHash('sha256')
    .update(lines[0] ?? '')
    .digest('hex');
  const recordFile = { fingerprint, path: file, inode: 1 };
  let batch = new Batch(Buffer.alloc(BATCH_BYTES));
  let offset = 0;
  for (const line of lines) {
    const record = { ...recordOfAny(line), file: recordFile, offset, lineBytes: line.length };
    offset += line.length + 1;
    if (sink.encode(record, batch) === 0) continue;
    yield batch;
    batch = new Batch(Buffer.alloc(BATCH_BYTES));
    if (sink.encode(record, batch) !== 0) throw new Error('a line does not fit into a batch');
  }
  yield batch;
}

/** The record of a line that the scan takes, or that the slow path has made such. */
function recordOfAny(line: Buffer): EventRecord {
  const decoded = recordOf(line) === undefined ? decodeLine(line) : undefined;
  const record = recordOf(decoded?.status === 'event' ? decoded.bytes : line);
  if (record === undefined) throw new Error(`no event: ${line.toString()}`);
  return decoded?.status === 'event' ? { ...record, degraded: decoded.degraded, rawLine: line } : record;
}

const logs = recordedLines();
if (logs.length === 0) saySkipped('no recorded audit logs (SHARED_DIR/recorded)');

describeElasticsearch(logs.length === 0 ? [] : versions)(
  'recorded audit logs and Elasticsearch %s',
  (version) => {
    it(
      'arrive complete, hostile events with their whole envelope, and a second time add nothing',
      async () => {
        await using server = await ElasticsearchServer.start(version);
        const dataStream = `logs-kaatest${process.pid}-recorded`;
        const { template } = setupPlan({ dataStream, retentionDays: 90 });
        await server.call(template.method, template.path, template.body);
        const tls = server.caFile === undefined ? {} : { tls: { caFile: server.caFile } };
        const auth = { username: server.username, password: server.password };
        await using under = await startElasticsearchSink({ url: server.url, dataStream, ...auth, ...tls });

        let reductions = 0;
        for (const round of [1, 2]) {
          for (const log of logs) {
            for (const batch of batchesOf(under.sink, log)) {
              const { reduced, refused } = await deliverAll(under.sink, batch);
              reductions += reduced;
              expect({ round, file: log.file, refused }).toEqual({ round, file: log.file, refused: [] });
            }
          }
        }

        expect(await server.count(dataStream)).toBe(logs.reduce((sum, { lines }) => sum + lines.length, 0));
        // Else nothing here was hostile.
        expect(reductions).toBeGreaterThan(0);
        for (const { file, lines } of logs.filter((log) => log.file.includes('hostile'))) {
          const documents = await server.documents(dataStream, { term: { 'log.file.path': file } });
          const stored = [...documents.values()].map((document) => auditIdOf(document['kubernetes']));
          const logged = lines.map((line) => auditIdOf({ audit: JSON.parse(line.toString()) as unknown }));
          expect(stored.toSorted()).toEqual(logged.toSorted());
        }
        await server.call('DELETE', `/_data_stream/${dataStream}`);
        await server.call('DELETE', template.path);
      },
      START_LIMIT_MS,
    );
  },
);

function auditIdOf(kubernetes: unknown): string {
  return (kubernetes as { audit: { auditID: string; stage: string } }).audit.auditID;
}

describeElasticsearch(versions.filter((version) => version === '9.5'))(
  'an Elasticsearch sink and TLS of %s',
  (version) => {
    it(
      'delivers over a connection that the CA file vouches for, and over no other',
      async () => {
        const tls = { ca: fixture('ca.pem'), certificate: fixture('server.pem'), key: fixture('server.key') };
        await using server = await ElasticsearchServer.start(version, tls);
        const auth = { username: server.username, password: server.password };
        const dataStream = 'logs-kaatest-default';
        await server.call('PUT', '/_index_template/kaatest', {
          index_patterns: [dataStream],
          priority: 150,
          data_stream: {},
        });
        const settings = { url: server.url, dataStream, ...auth };
        await using trusting = await startElasticsearchSink({ ...settings, tls: { caFile: tls.ca } });
        await using doubting = await startElasticsearchSink({
          ...settings,
          tls: { caFile: fixture('other-ca.pem') },
        });

        const taken = await trusting.sink.send(batchOf(trusting.sink, linesOf(10)), NEVER);
        const refused = await doubting.sink.send(batchOf(doubting.sink, linesOf(10)), NEVER);

        expect(taken).toEqual({ status: 'delivered' });
        expect(refused).toMatchObject({ status: 'retry', retry: { reason: 'connect' } });
        expect((await server.documents(dataStream)).size).toBe(10);
      },
      START_LIMIT_MS,
    );
  },
);
