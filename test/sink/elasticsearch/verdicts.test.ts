import { describe, expect, it } from '@jest/globals';
import type { SendResult } from '../../../agent/sink/sink.ts';
import { batchOfIds, idsOf } from '../../support/bulk-batch.ts';
import { startElasticsearchSink } from '../../support/elasticsearch-sink.ts';
import type { SinkUnderTest } from '../../support/elasticsearch-sink.ts';
import { FaultyBulkServer } from '../../support/faulty-bulk-server.ts';
import type { Fault, ItemFault } from '../../support/faulty-bulk-server.ts';

const NEVER = new AbortController().signal;

interface Sent {
  readonly result: SendResult;
  readonly server: FaultyBulkServer;
  readonly events: SinkUnderTest['events'];
}

/** Sends one batch to a server with one fault. */
async function sendTo(
  fault: Fault | undefined,
  ids: readonly string[],
  settings: object = {},
): Promise<Sent> {
  await using server = await FaultyBulkServer.start({ fault: () => fault });
  await using under = await startElasticsearchSink({ url: server.url, ...settings });
  return { result: await under.sink.send(batchOfIds(ids), NEVER), server, events: under.events };
}

function itemFault(id: string, fault: ItemFault): Fault {
  return { kind: 'items', faultOf: (item) => (item.id === id ? fault : undefined) };
}

function serverError(type: string, reason: string): object {
  return { error: { type, reason, root_cause: [{ type, reason }] }, status: 400 };
}

describe('an Elasticsearch sink whose server answers item by item', () => {
  it('settles what was created', async () => {
    const { result, server } = await sendTo(undefined, ['a', 'b', 'c']);

    expect(result).toEqual({ status: 'delivered' });
    expect([...server.documents.keys()]).toEqual(['a', 'b', 'c']);
  });

  it('settles and counts what the server had already', async () => {
    await using server = await FaultyBulkServer.start();
    await using under = await startElasticsearchSink({ url: server.url });
    await under.sink.send(batchOfIds(['a', 'b']), NEVER);

    const result = await under.sink.send(batchOfIds(['a', 'b', 'c']), NEVER);

    expect(result).toEqual({ status: 'delivered' });
    expect(under.events).toContainEqual({
      kind: 'documents-duplicate',
      documents: 2,
      log: 'kube-apiserver',
      sink: 'siem',
    });
    expect(server.documents.size).toBe(3);
  });

  it('settles and counts apart what went to the failure store', async () => {
    const { result, events } = await sendTo(itemFault('b', { status: 201, failureStore: 'used' }), [
      'a',
      'b',
    ]);

    expect(result).toEqual({ status: 'delivered' });
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'documents-in-failure-store', documents: 1 }),
    );
  });

  it.each([
    [429, 'es_rejected_execution_exception', 'throttled'],
    [429, 'circuit_breaking_exception', 'throttled'],
    [500, 'exception', 'server'],
    [503, 'unavailable_shards_exception', 'server'],
    [504, 'process_cluster_event_timeout_exception', 'server'],
    [401, 'security_exception', 'auth'],
    [403, 'cluster_block_exception', 'auth'],
    [404, 'index_not_found_exception', 'auth'],
  ])('wants only the item back that got %i %s', async (status, type, reason) => {
    const { result, server } = await sendTo(itemFault('b', { status, type }), ['a', 'b', 'c']);

    expect(result).toEqual({ status: 'retry', retry: { reason, detail: expect.any(String) }, which: [1] });
    expect([...server.documents.keys()]).toEqual(['a', 'c']);
  });

  it('speaks for all documents when none was taken', async () => {
    const faultOf = (): ItemFault => ({
      status: 403,
      type: 'security_exception',
      reason: 'action is unauthorized',
    });

    const { result } = await sendTo({ kind: 'items', faultOf }, ['a', 'b']);

    expect(result).toEqual({
      status: 'retry',
      retry: { reason: 'auth', detail: '2 of 2 documents: 403 security_exception: action is unauthorized' },
    });
  });

  it('names the documents that are refused for good', async () => {
    const fault = itemFault('b', {
      status: 400,
      type: 'document_parsing_exception',
      reason: 'failed to parse',
    });

    const { result } = await sendTo(fault, ['a', 'b', 'c']);

    expect(result).toEqual({
      status: 'rejected',
      rejected: [{ index: 1, kind: 'document_parsing_exception', detail: 'failed to parse' }],
    });
  });

  it('keeps what is to be sent again apart from what is refused for good', async () => {
    const faultOf = ({ index }: { index: number }): ItemFault | undefined =>
      [undefined, { status: 429, type: 'busy' }, { status: 400, type: 'bad' }, { status: 503, type: 'down' }][
        index
      ];

    const { result } = await sendTo({ kind: 'items', faultOf }, ['a', 'b', 'c', 'd']);

    expect(result).toEqual({
      status: 'retry',
      retry: { reason: 'server', detail: '2 of 4 documents: 503 down' },
      which: [1, 3],
      rejected: [{ index: 2, kind: 'bad', detail: 'because' }],
    });
  });

  it.each([
    [
      'validation_exception',
      'Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum shards open;',
      'throttled',
    ],
    ['illegal_argument_exception', 'pipeline with id [mine] does not exist', 'protocol'],
  ])('waits when 400 %s is no fault of the document', async (type, reason, expected) => {
    const { result } = await sendTo(itemFault('a', { status: 400, type, reason }), ['a', 'b']);

    expect(result).toMatchObject({ status: 'retry', retry: { reason: expected }, which: [0] });
  });

  it('keeps the words of a document out of what is logged', async () => {
    const fault = itemFault('a', { status: 503, type: 'some_exception', reason: 'value [hunter2]' });

    const { result } = await sendTo(fault, ['a', 'b']);

    expect(JSON.stringify(result)).not.toContain('hunter2');
  });

  it('believes only words as kinds of errors', async () => {
    const fault = itemFault('a', { status: 400, type: 'A kind\n"made up"', reason: 'two\nlines' });

    const { result } = await sendTo(fault, ['a', 'b']);

    expect(result).toMatchObject({ rejected: [{ kind: 'unknown', detail: 'two lines' }] });
  });

  it('passes on the wait that the server asks for', async () => {
    const faultOf = (): ItemFault => ({ status: 429 });

    const { result } = await sendTo({ kind: 'items', faultOf, headers: { 'retry-after': '3' } }, ['a']);

    expect(result).toMatchObject({ status: 'retry', retry: { reason: 'throttled', afterMs: 3000 } });
  });
});

describe('an Elasticsearch sink whose server answers the request as a whole', () => {
  it.each([
    [401, 'auth'],
    [403, 'auth'],
    [404, 'auth'],
    [407, 'auth'],
    [408, 'timeout'],
    [429, 'throttled'],
    [500, 'server'],
    [502, 'server'],
    [503, 'server'],
    [504, 'server'],
    [302, 'protocol'],
    [405, 'protocol'],
    [415, 'protocol'],
  ])('wants everything back after %i, as %s', async (statusCode, reason) => {
    const { result, server } = await sendTo({ kind: 'status', statusCode }, ['a', 'b']);

    expect(result).toEqual({
      status: 'retry',
      retry: { reason, detail: expect.stringContaining(`${statusCode}`) },
    });
    expect(server.requests).toHaveLength(1);
  });

  it('passes on Retry-After of a 503, as seconds or as a date', async () => {
    const retryAfter = new Date(Date.now() + 60_000).toUTCString();

    const seconds = await sendTo({ kind: 'status', statusCode: 503, headers: { 'retry-after': '12' } }, [
      'a',
    ]);
    const date = await sendTo({ kind: 'status', statusCode: 429, headers: { 'retry-after': retryAfter } }, [
      'a',
    ]);

    expect(seconds.result).toMatchObject({ retry: { afterMs: 12_000 } });
    expect(date.result).toMatchObject({ retry: { afterMs: expect.any(Number) } });
  });

  it('finds 413 too large', async () => {
    const { result } = await sendTo({ kind: 'status', statusCode: 413, body: '<html>too large</html>' }, [
      'a',
      'b',
    ]);

    expect(result).toMatchObject({ status: 'too-large' });
  });

  it('finds 413 too large when it is answered before the request was read', async () => {
    const document = JSON.stringify({ noise: 'x'.repeat(1024 * 1024) });
    await using server = await FaultyBulkServer.start({ refuseUnread: { statusCode: 413 } });
    await using under = await startElasticsearchSink({ url: server.url, compression: 'none' });

    const result = await under.sink.send(batchOfIds(idsOf(8), document), NEVER);

    expect(result).toMatchObject({ status: 'too-large' });
  });

  it('looks for the document that a server cannot read: many are split, one alone is refused', async () => {
    const body = serverError('x_content_parse_exception', 'unexpected character');
    const fault: Fault = { kind: 'status', statusCode: 400, body };

    const many = await sendTo(fault, ['a', 'b']);
    const one = await sendTo(fault, ['a']);

    expect(many.result).toMatchObject({ status: 'too-large' });
    expect(one.result).toEqual({
      status: 'rejected',
      rejected: [{ index: 0, kind: 'x_content_parse_exception', detail: 'unexpected character' }],
    });
  });

  it.each([
    serverError('media_type_header_exception', 'Accept version must be either version 8 or 7, but found 9'),
    serverError(
      'illegal_argument_exception',
      'request [/x/_bulk] contains unrecognized parameter: [require_data_stream]',
    ),
    { error: 'no handler found for uri [/x/_bulk] and method [POST]' },
    'The plain HTTP request was sent to HTTPS port',
  ])('never gives up a document for a 400 that is about the configuration: %j', async (body) => {
    const { result } = await sendTo({ kind: 'status', statusCode: 400, body }, ['a']);

    expect(result).toMatchObject({ status: 'retry', retry: { reason: 'protocol' } });
    expect(result).not.toHaveProperty('which');
  });

  it('leaves out a parameter that the server does not know, at once and from then on', async () => {
    const reason = 'request [/x/_bulk] contains unrecognized parameter: [include_source_on_error]';
    const body = serverError('illegal_argument_exception', reason);
    await using server = await FaultyBulkServer.start({
      fault: ({ query }) =>
        query.has('include_source_on_error') ? { kind: 'status', statusCode: 400, body } : undefined,
    });
    await using under = await startElasticsearchSink({ url: server.url });

    const first = await under.sink.send(batchOfIds(['a']), NEVER);
    const second = await under.sink.send(batchOfIds(['b']), NEVER);

    expect([first, second]).toEqual([{ status: 'delivered' }, { status: 'delivered' }]);
    expect(server.requests.map(({ query }) => query.has('include_source_on_error'))).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('an Elasticsearch sink that cannot know what became of a batch', () => {
  it.each<[string, Fault, string]>([
    ['resets before it stored anything', { kind: 'reset', when: 'before-storing' }, 'connect'],
    ['resets after it stored everything', { kind: 'reset', when: 'after-storing' }, 'connect'],
    ['resets in mid-answer', { kind: 'reset', when: 'mid-answer' }, 'connect'],
    ['never answers', { kind: 'hang', when: 'before-answer' }, 'timeout'],
    ['falls silent in mid-answer', { kind: 'hang', when: 'mid-answer' }, 'timeout'],
    ['answers too late', { kind: 'slow', delayMs: 60_000 }, 'timeout'],
    ['answers with a page', { kind: 'answer', body: '<html></html>', contentType: 'text/html' }, 'protocol'],
    ['answers with half a JSON document', { kind: 'answer', body: '{"errors":false,"items":[' }, 'protocol'],
    ['answers with nothing', { kind: 'answer', body: '' }, 'protocol'],
    [
      'answers for fewer documents',
      { kind: 'answer', body: '{"errors":false,"items":[{"create":{"status":201}}]}' },
      'protocol',
    ],
    ['answers for no documents', { kind: 'answer', body: '{"errors":false}' }, 'protocol'],
    [
      'answers with an item that says nothing',
      { kind: 'answer', body: '{"errors":false,"items":[{"create":{"status":201}},{"create":{}}]}' },
      'protocol',
    ],
  ])('sends the same bytes again when the server %s', async (_, fault, reason) => {
    await using server = await FaultyBulkServer.start({
      fault: ({ number }) => (number === 0 ? fault : undefined),
    });
    const impatient = reason === 'timeout' ? { requestTimeoutMs: 500 } : {};
    await using under = await startElasticsearchSink({ url: server.url, ...impatient });
    await using patient = await startElasticsearchSink({ url: server.url });
    const batch = batchOfIds(['a', 'b']);

    const first = await under.sink.send(batch, NEVER);
    const second = await patient.sink.send(batch, NEVER);

    expect(first).toEqual({ status: 'retry', retry: { reason, detail: expect.any(String) } });
    expect(second).toEqual({ status: 'delivered' });
    expect(server.requests[1]?.sha256).toBe(server.requests[0]?.sha256);
    expect(server.documents.size).toBe(2);
  });

  it('sends less at once when the answer is too large to be read', async () => {
    const body = JSON.stringify({ items: 'x'.repeat(65 * 1024 * 1024) });

    const { result } = await sendTo({ kind: 'answer', body }, ['a', 'b']);

    expect(result).toMatchObject({ status: 'too-large' });
  });

  it('gives up what is under way when it is closed', async () => {
    await using server = await FaultyBulkServer.start({
      fault: () => ({ kind: 'hang', when: 'mid-answer' }),
    });
    await using under = await startElasticsearchSink({ url: server.url });
    const sending = under.sink.send(batchOfIds(['a']), NEVER);

    await under.sink.close();

    expect(await sending).toMatchObject({ status: 'retry' });
  });

  it('ends at once when it is told to stop', async () => {
    await using server = await FaultyBulkServer.start({
      fault: () => ({ kind: 'hang', when: 'before-answer' }),
    });
    await using under = await startElasticsearchSink({ url: server.url });
    const stop = new AbortController();
    const sending = under.sink.send(batchOfIds(['a']), stop.signal);

    stop.abort();

    expect(await sending).toMatchObject({ status: 'retry' });
  });
});
