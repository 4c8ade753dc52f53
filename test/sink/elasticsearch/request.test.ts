import { describe, expect, it } from '@jest/globals';
import { batchOfIds, idsOf } from '../../support/bulk-batch.ts';
import { startElasticsearchSink } from '../../support/elasticsearch-sink.ts';
import { FaultyBulkServer } from '../../support/faulty-bulk-server.ts';

const NEVER = new AbortController().signal;

describe('the bulk request of an Elasticsearch sink', () => {
  it('goes to the data stream with plain media types and asks for no more than it reads', async () => {
    await using server = await FaultyBulkServer.start();
    await using under = await startElasticsearchSink({ url: server.url });

    await under.sink.send(batchOfIds(['a']), NEVER);

    const [request] = server.requests;
    expect(request?.method).toBe('POST');
    expect(request?.path).toBe('/logs-kubernetes.audit_logs-default/_bulk');
    expect(Object.fromEntries(request?.query ?? [])).toEqual({
      filter_path: 'errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.failure_store',
      require_data_stream: 'true',
      include_source_on_error: 'false',
    });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      accept: 'application/json',
      'content-encoding': 'gzip',
      'user-agent': 'kube-audit-agent/0.0.0',
    });
    expect(Object.keys(request?.headers ?? {})).not.toContain('x-elastic-client-meta');
  });

  it('is sent as it is when compression is off', async () => {
    await using server = await FaultyBulkServer.start();
    await using under = await startElasticsearchSink({ url: server.url, compression: 'none' });

    const result = await under.sink.send(batchOfIds(idsOf(500)), NEVER);

    expect(result).toEqual({ status: 'delivered' });
    expect(server.requests[0]?.headers).not.toHaveProperty('content-encoding');
    expect(server.documents.size).toBe(500);
  });

  it('keeps the path of the URL', async () => {
    await using server = await FaultyBulkServer.start();
    await using under = await startElasticsearchSink({ url: `${server.url}/behind/a-proxy/` });

    await under.sink.send(batchOfIds(['a']), NEVER);

    expect(server.requests[0]?.path).toBe('/behind/a-proxy/logs-kubernetes.audit_logs-default/_bulk');
  });

  it('takes an answer without the product header', async () => {
    await using server = await FaultyBulkServer.start({ headers: {} });
    await using under = await startElasticsearchSink({ url: server.url });

    expect(await under.sink.send(batchOfIds(['a']), NEVER)).toEqual({ status: 'delivered' });
  });
});

describe('an Elasticsearch sink with several URLs', () => {
  it('goes to each in turn', async () => {
    await using first = await FaultyBulkServer.start();
    await using second = await FaultyBulkServer.start();
    await using under = await startElasticsearchSink({ url: [first.url, second.url] });

    for (const id of idsOf(6)) await under.sink.send(batchOfIds([id]), NEVER);

    expect([first.requests.length, second.requests.length]).toEqual([3, 3]);
  });

  it('skips one that is dead, and says so only once', async () => {
    await using alive = await FaultyBulkServer.start();
    await using dead = await FaultyBulkServer.start();
    await using under = await startElasticsearchSink({ url: [alive.url, dead.url] });
    await dead.close();

    const results = [];
    for (const id of idsOf(6)) results.push((await under.sink.send(batchOfIds([id]), NEVER)).status);

    expect(results.filter((status) => status === 'retry')).toHaveLength(1);
    expect(alive.documents.size).toBe(5);
  });

  it('skips one that is silent', async () => {
    await using alive = await FaultyBulkServer.start();
    await using silent = await FaultyBulkServer.start({
      fault: () => ({ kind: 'hang', when: 'mid-answer' }),
    });
    await using under = await startElasticsearchSink({
      url: [alive.url, silent.url],
      requestTimeoutMs: 3000,
    });

    const results = [];
    for (const id of idsOf(6)) results.push((await under.sink.send(batchOfIds([id]), NEVER)).status);

    expect(results.filter((status) => status === 'retry')).toHaveLength(1);
  });

  it('tries again when all are dead and one comes back', async () => {
    await using server = await FaultyBulkServer.start();
    await using other = await FaultyBulkServer.start();
    const { port } = server;
    await using under = await startElasticsearchSink({ url: [server.url, other.url] });
    await Promise.all([server.close(), other.close()]);
    for (const id of ['a', 'b']) await under.sink.send(batchOfIds([id]), NEVER);
    await server.listen(port);

    const results = [];
    for (const id of ['c', 'd']) results.push((await under.sink.send(batchOfIds([id]), NEVER)).status);

    expect(results).toContain('delivered');
  });
});

describe('an Elasticsearch sink without a way to its server', () => {
  it('says that nobody listens', async () => {
    await using server = await FaultyBulkServer.start();
    await using under = await startElasticsearchSink({ url: server.url });
    await server.close();

    const result = await under.sink.send(batchOfIds(['a']), NEVER);

    expect(result).toMatchObject({
      status: 'retry',
      retry: { reason: 'connect', detail: expect.stringContaining('ECONNREFUSED') },
    });
  });

  it('says that the name cannot be resolved', async () => {
    await using under = await startElasticsearchSink({ url: 'https://no-such-host.invalid:9200' });

    const result = await under.sink.send(batchOfIds(['a']), NEVER);

    expect(result).toMatchObject({
      status: 'retry',
      retry: { reason: 'connect', detail: expect.stringContaining('no-such-host.invalid') },
    });
  });
});
