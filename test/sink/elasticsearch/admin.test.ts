import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import type { AdminCredentials, SinkAdmin } from '../../../agent/sink/definition.ts';
import { elasticsearchSink } from '../../../agent/sink/elasticsearch/definition.ts';
import type { CheckFinding } from '../../../agent/sink/sink.ts';
import { sinkContext } from '../../support/elasticsearch-sink.ts';
import { FaultyBulkServer } from '../../support/faulty-bulk-server.ts';

const NEVER = new AbortController().signal;
const STREAM = 'logs-kubernetes.audit_logs-default';
const NO_HANDLER = { statusCode: 400, body: { error: 'no handler found for uri [/x] and method [GET]' } };
const NOT_FOUND = {
  statusCode: 404,
  body: { error: { type: 'index_not_found_exception', reason: 'no such index' } },
};
const ROOT = { statusCode: 200, body: { version: { number: '9.5.3', build_flavor: 'default' } } };

interface Answer {
  readonly statusCode: number;
  readonly body: unknown;
}

/** A server that remembers what is put into it and answers as a small Elasticsearch would; `answers` go before that. */
async function startServer(answers: Readonly<Record<string, Answer>> = {}): Promise<FaultyBulkServer> {
  const stored = new Map<string, unknown>();
  return FaultyBulkServer.start({
    headers: { 'x-elastic-product': 'Elasticsearch' },
    route: ({ method, path }, body) => {
      const fixed = answers[`${method} ${path}`];
      if (fixed !== undefined) return fixed;
      if (method === 'PUT') {
        // A data stream has the lifecycle that its template had when it was made.
        stored.set(path, body === '' ? templateOf(stored)?.template : JSON.parse(body));
        return { statusCode: 200, body: { acknowledged: true } };
      }
      return answerOf(path, stored);
    },
  });
}

function answerOf(path: string, stored: ReadonlyMap<string, unknown>): Answer {
  if (path === '/') return ROOT;
  if (path === '/_security/_authenticate')
    return { statusCode: 200, body: { username: 'elastic', authentication_type: 'realm' } };
  if (path === '/_security/user/_has_privileges')
    return rights({ create_doc: true, index: false, delete: false });
  const template = templateOf(stored);
  if (path === `/${STREAM}/_mapping` && stored.has(`/_data_stream/${STREAM}`))
    return { statusCode: 200, body: { '.ds-x-000001': { mappings: template?.template.mappings } } };
  if (!stored.has(path)) return NOT_FOUND;
  if (path.startsWith('/_index_template/'))
    return { statusCode: 200, body: { index_templates: [{ index_template: stored.get(path) }] } };
  const lifecycle =
    stored.get(`${path}/_lifecycle`) ?? (stored.get(path) as { lifecycle?: unknown }).lifecycle;
  return { statusCode: 200, body: { data_streams: [{ name: STREAM, template: 'x', lifecycle }] } };
}

interface StoredTemplate {
  readonly template: { readonly mappings: unknown; readonly lifecycle: unknown };
}

function templateOf(stored: ReadonlyMap<string, unknown>): StoredTemplate | undefined {
  const path = [...stored.keys()].find((key) => key.startsWith('/_index_template/'));
  return path === undefined ? undefined : (stored.get(path) as StoredTemplate);
}

function rights(of: Readonly<Record<string, boolean>>): Answer {
  return { statusCode: 200, body: { index: { [STREAM]: of } } };
}

async function withAdmin<Result>(
  server: FaultyBulkServer,
  work: (admin: SinkAdmin) => Promise<Result>,
  options: { settings?: object; credentials?: AdminCredentials; nowMs?: () => number } = {},
): Promise<Result> {
  const settings = { name: 'siem', type: 'elasticsearch', url: server.url, ...options.settings };
  const context = sinkContext([], options.nowMs === undefined ? {} : { nowMs: options.nowMs });
  const parsed = z.parse(elasticsearchSink.schema, settings);
  const admin = await elasticsearchSink.admin(parsed, context, options.credentials ?? {});
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

function verdicts(findings: readonly CheckFinding[]): Record<string, string> {
  return Object.fromEntries(findings.map(({ name, verdict }) => [name, verdict]));
}

describe('sink setup for Elasticsearch', () => {
  it('prints what it would create without asking the server', async () => {
    await using server = await startServer();

    const plan = await withAdmin(server, async (admin) => admin.plan());

    expect(plan.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'PUT /_index_template/kube-audit-agent-logs-kubernetes.audit_logs',
      `PUT /_data_stream/${STREAM}`,
      `PUT /_data_stream/${STREAM}/_lifecycle`,
    ]);
    expect(plan[0]?.body).toMatchObject({ index_patterns: ['logs-kubernetes.audit_logs-*'] });
    expect(server.requests).toHaveLength(0);
  });

  it('creates everything once and changes nothing when run again', async () => {
    await using server = await startServer();

    const first = await withAdmin(server, (admin) => admin.setup(NEVER));
    const putsOfFirst = server.requests.filter(({ method }) => method === 'PUT').length;
    const second = await withAdmin(server, (admin) => admin.setup(NEVER));

    expect(first.map(({ status }) => status)).toEqual(['created', 'created', 'exists']);
    expect(second.map(({ status }) => status)).toEqual(['exists', 'exists', 'exists']);
    expect(server.requests.filter(({ method }) => method === 'PUT')).toHaveLength(putsOfFirst);
  });

  it('brings template and lifecycle up to date when the retention changes', async () => {
    await using server = await startServer();
    await withAdmin(server, (admin) => admin.setup(NEVER));

    const again = await withAdmin(server, (admin) => admin.setup(NEVER), { settings: { retentionDays: 30 } });

    expect(again.map(({ status }) => status)).toEqual(['created', 'exists', 'created']);
    expect(again[2]?.detail).toContain('30d');
  });

  it('says what the server lacks and creates the rest', async () => {
    const body = { data_streams: [{ name: STREAM }] };
    await using server = await startServer({
      [`GET /_data_stream/${STREAM}`]: { statusCode: 200, body },
      [`PUT /_data_stream/${STREAM}/_lifecycle`]: NO_HANDLER,
    });

    const outcomes = await withAdmin(server, (admin) => admin.setup(NEVER));

    expect(outcomes.map(({ status }) => status)).toEqual(['created', 'exists', 'unavailable']);
  });

  it('leaves a template of somebody else alone', async () => {
    const body = { index_templates: [{ index_template: { _meta: { managed_by: 'somebody' } } }] };
    const path = '/_index_template/kube-audit-agent-logs-kubernetes.audit_logs';
    await using server = await startServer({ [`GET ${path}`]: { statusCode: 200, body } });

    const outcomes = await withAdmin(server, (admin) => admin.setup(NEVER));

    expect(outcomes).toEqual([expect.objectContaining({ status: 'failed' })]);
    expect(server.requests.every(({ method }) => method === 'GET')).toBe(true);
  });

  it('says which right is missing', async () => {
    const reason = 'action [indices:admin/index_template/put] is unauthorized';
    const body = { error: { type: 'security_exception', reason } };
    const path = '/_index_template/kube-audit-agent-logs-kubernetes.audit_logs';
    await using server = await startServer({ [`PUT ${path}`]: { statusCode: 403, body } });

    const outcomes = await withAdmin(server, (admin) => admin.setup(NEVER));

    expect(outcomes).toEqual([
      { step: 'index template', status: 'failed', detail: `403 security_exception: ${reason}` },
    ]);
  });

  it('uses the credentials given on the command line instead of the own ones', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'admin-'));
    const passwordFile = join(directory, 'password');
    await writeFile(passwordFile, 'changeme');
    await using server = await startServer();

    await withAdmin(server, (admin) => admin.setup(NEVER), {
      settings: { apiKey: 'own' },
      credentials: { username: 'elastic', passwordFile },
    });

    await rm(directory, { recursive: true });
    const expected = `Basic ${Buffer.from('elastic:changeme').toString('base64')}`;
    expect(new Set(server.requests.map(({ headers }) => headers.authorization))).toEqual(new Set([expected]));
  });
});

describe('sink check for Elasticsearch', () => {
  it('finds nothing wrong after setup', async () => {
    await using server = await startServer();
    await withAdmin(server, (admin) => admin.setup(NEVER));

    const findings = await withAdmin(server, (admin) => admin.check(NEVER), { settings: { apiKey: 'k' } });

    expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    expect(findings.map(({ name }) => name)).toEqual([
      'server',
      'clock',
      'credentials',
      'rights',
      'data stream',
      'lifecycle',
      'index template',
      'mapping',
    ]);
  });

  it('says what setup would mend', async () => {
    await using server = await startServer();

    const findings = await withAdmin(server, (admin) => admin.check(NEVER));

    expect(verdicts(findings)).toMatchObject({ 'data stream': 'fail', 'index template': 'warn' });
    expect(findings.find(({ name }) => name === 'data stream')?.detail).toContain('sink setup');
  });

  it('says only that nobody answers where nobody answers', async () => {
    await using server = await startServer();
    await server.close();

    const findings = await withAdmin(server, (admin) => admin.check(NEVER));

    expect(findings[0]).toMatchObject({
      name: 'server',
      verdict: 'fail',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
    expect(findings.every(({ verdict }) => verdict === 'fail')).toBe(true);
  });

  it.each<[string, Record<string, Answer>, Record<string, string>]>([
    [
      'a server of another make',
      { 'GET /': { statusCode: 200, body: { hello: 'world' } } },
      { server: 'fail' },
    ],
    [
      'OpenSearch',
      { 'GET /': { statusCode: 200, body: { version: { number: '3.8.0', distribution: 'opensearch' } } } },
      { server: 'fail' },
    ],
    [
      'a server that is too old',
      { 'GET /': { statusCode: 200, body: { version: { number: '7.17.0' } } } },
      { server: 'fail' },
    ],
    [
      'a wrong key',
      { 'GET /_security/_authenticate': { statusCode: 401, body: {} } },
      { credentials: 'fail' },
    ],
    ['a server without security', { 'GET /_security/_authenticate': NO_HANDLER }, { credentials: 'warn' }],
    [
      'a key that may not write',
      { 'POST /_security/user/_has_privileges': rights({ create_doc: false }) },
      { rights: 'fail' },
    ],
    [
      'a key that may alter events',
      { 'POST /_security/user/_has_privileges': rights({ create_doc: true, index: true, delete: true }) },
      { rights: 'warn' },
    ],
    [
      'a server that does not tell rights',
      { 'POST /_security/user/_has_privileges': { statusCode: 405, body: {} } },
      { rights: 'warn' },
    ],
    [
      'a key that may only write',
      {
        'GET /': { statusCode: 403, body: {} },
        [`GET /_data_stream/${STREAM}`]: { statusCode: 403, body: {} },
        [`GET /${STREAM}/_mapping`]: { statusCode: 403, body: {} },
      },
      { server: 'ok', rights: 'ok', 'data stream': 'warn', mapping: 'warn' },
    ],
    [
      'a stream that nothing deletes from',
      { [`GET /_data_stream/${STREAM}`]: { statusCode: 200, body: { data_streams: [{ name: STREAM }] } } },
      { lifecycle: 'warn' },
    ],
    [
      'a mapping of another making',
      {
        [`GET /${STREAM}/_mapping`]: {
          statusCode: 200,
          body: { '.ds-x-000001': { mappings: { properties: { '@timestamp': { type: 'date' } } } } },
        },
      },
      { mapping: 'warn' },
    ],
  ])('tells %s', async (_, answers, expected) => {
    await using server = await startServer(answers);
    await withAdmin(server, (admin) => admin.setup(NEVER));

    const findings = await withAdmin(server, (admin) => admin.check(NEVER));

    expect(verdicts(findings)).toMatchObject(expected);
  });

  it('tells a clock that is wrong', async () => {
    await using server = await startServer();

    const findings = await withAdmin(server, (admin) => admin.check(NEVER), {
      nowMs: () => Date.now() + 600_000,
    });

    expect(findings.find(({ name }) => name === 'clock')).toMatchObject({
      verdict: 'warn',
      detail: expect.stringContaining('ahead of'),
    });
  });
});
