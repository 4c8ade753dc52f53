import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { batchOfIds } from '../../support/bulk-batch.ts';
import { startElasticsearchSink } from '../../support/elasticsearch-sink.ts';
import { FaultyBulkServer } from '../../support/faulty-bulk-server.ts';

const NEVER = new AbortController().signal;
const fixture = (name: string): string => join(import.meta.dirname, '../../fixtures/tls', name);

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credentials-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Puts a file in place as secrets are rotated: written beside, then renamed. */
async function put(name: string, content: string | Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
  return path;
}

/** A server that knows one credential. */
async function startGuarded(authorization: string): Promise<FaultyBulkServer> {
  return FaultyBulkServer.start({
    fault: ({ headers }) =>
      headers.authorization === authorization ? undefined : { kind: 'status', statusCode: 401 },
  });
}

describe('the credentials of an Elasticsearch sink', () => {
  it('go with each request, as the API key of a file', async () => {
    await using server = await startGuarded('ApiKey a2V5');
    await using under = await startElasticsearchSink({
      url: server.url,
      apiKeyFile: await put('key', 'a2V5\n'),
    });

    expect(await under.sink.send(batchOfIds(['a']), NEVER)).toEqual({ status: 'delivered' });
  });

  it('may be a user and a password', async () => {
    await using server = await startGuarded(`Basic ${Buffer.from('agent:pässword').toString('base64')}`);
    const passwordFile = await put('password', 'pässword\n');
    await using under = await startElasticsearchSink({ url: server.url, username: 'agent', passwordFile });

    expect(await under.sink.send(batchOfIds(['a']), NEVER)).toEqual({ status: 'delivered' });
  });

  it('may be a bearer token', async () => {
    await using server = await startGuarded('Bearer token');
    await using under = await startElasticsearchSink({ url: server.url, bearerToken: 'token' });

    expect(await under.sink.send(batchOfIds(['a']), NEVER)).toEqual({ status: 'delivered' });
  });

  it('are read again when the file changes, without a restart', async () => {
    await using server = await startGuarded('ApiKey right');
    const apiKeyFile = await put('key', 'wrong');
    await using under = await startElasticsearchSink({ url: server.url, apiKeyFile });
    const refused = await under.sink.send(batchOfIds(['a']), NEVER);

    await put('key', 'right');
    const taken = await under.sink.send(batchOfIds(['a']), NEVER);

    expect(refused).toMatchObject({ status: 'retry', retry: { reason: 'auth' } });
    expect(taken).toEqual({ status: 'delivered' });
    const changes = under.events.filter(({ kind }) => kind === 'secret-file-changed');
    expect(changes).toEqual([expect.objectContaining({ path: apiKeyFile })]);
  });

  it.each([
    ['is missing', async (): Promise<string> => join(directory, 'missing')],
    ['is empty', (): Promise<string> => put('key', '\n')],
    ['is no credential', (): Promise<string> => put('key', 'first line\nsecond line')],
  ])('stop shipping, and say so, when their file %s', async (_, path) => {
    await using server = await FaultyBulkServer.start();
    const apiKeyFile = await path();
    await using under = await startElasticsearchSink({ url: server.url, apiKeyFile });

    const result = await under.sink.send(batchOfIds(['a']), NEVER);

    expect(result).toMatchObject({
      status: 'retry',
      retry: { reason: 'auth', detail: expect.stringContaining(apiKeyFile) },
    });
    expect(JSON.stringify(result)).not.toContain('second line');
    expect(server.requests).toHaveLength(0);
  });

  it('stand in no answer, whatever goes wrong', async () => {
    await using server = await FaultyBulkServer.start({
      fault: ({ headers, number }) =>
        number === 0
          ? { kind: 'status', statusCode: 401, body: '<html>denied</html>' }
          : headers.authorization === undefined
            ? undefined
            : { kind: 'reset', when: 'mid-answer' },
    });
    await using under = await startElasticsearchSink({ url: server.url, apiKey: 'S3CRET' });

    const results = [
      await under.sink.send(batchOfIds(['a']), NEVER),
      await under.sink.send(batchOfIds(['a']), NEVER),
    ];
    await server.close();
    results.push(await under.sink.send(batchOfIds(['a']), NEVER));

    expect(results.map(({ status }) => status)).toEqual(['retry', 'retry', 'retry']);
    expect(JSON.stringify([results, under.events])).not.toContain('S3CRET');
  });
});

describe('an Elasticsearch sink over TLS', () => {
  const tls = { key: '', cert: '' };

  beforeEach(async () => {
    const { readFile } = await import('node:fs/promises');
    tls.key = await readFile(fixture('server.key'), 'utf8');
    tls.cert = await readFile(fixture('server.pem'), 'utf8');
  });

  it('trusts the configured CA', async () => {
    await using server = await FaultyBulkServer.start({ tls });
    await using under = await startElasticsearchSink({ url: server.url, tls: { caFile: fixture('ca.pem') } });

    expect(await under.sink.send(batchOfIds(['a']), NEVER)).toEqual({ status: 'delivered' });
  });

  it('sends nothing to a server that the CA does not vouch for, and says why', async () => {
    await using server = await FaultyBulkServer.start({ tls });
    await using under = await startElasticsearchSink({
      url: server.url,
      tls: { caFile: fixture('other-ca.pem') },
    });

    const result = await under.sink.send(batchOfIds(['a']), NEVER);

    expect(result).toMatchObject({
      status: 'retry',
      retry: { reason: 'connect', detail: expect.stringContaining('certificate') },
    });
    expect(server.requests).toHaveLength(0);
  });

  it('sends to any server only when told not to verify', async () => {
    await using server = await FaultyBulkServer.start({ tls });
    await using under = await startElasticsearchSink({ url: server.url, tls: { insecureSkipVerify: true } });

    expect(await under.sink.send(batchOfIds(['a']), NEVER)).toEqual({ status: 'delivered' });
  });

  it('reads the CA file again when it changes', async () => {
    const { readFile } = await import('node:fs/promises');
    await using server = await FaultyBulkServer.start({ tls });
    const caFile = await put('ca.pem', await readFile(fixture('other-ca.pem')));
    await using under = await startElasticsearchSink({ url: server.url, tls: { caFile } });
    const refused = await under.sink.send(batchOfIds(['a']), NEVER);

    await put('ca.pem', await readFile(fixture('ca.pem')));
    const taken = await under.sink.send(batchOfIds(['a']), NEVER);

    expect(refused).toMatchObject({ status: 'retry', retry: { reason: 'connect' } });
    expect(taken).toEqual({ status: 'delivered' });
    expect(under.events).toContainEqual(
      expect.objectContaining({ kind: 'secret-file-changed', path: caFile }),
    );
  });

  it('shows its own certificate to a server that asks for one', async () => {
    const { readFile } = await import('node:fs/promises');
    const ca = await readFile(fixture('ca.pem'));
    await using server = await FaultyBulkServer.start({ tls: { ...tls, ca, requestCert: true } });
    const files = {
      caFile: fixture('ca.pem'),
      certFile: fixture('client.pem'),
      keyFile: fixture('client.key'),
    };
    await using known = await startElasticsearchSink({ url: server.url, tls: files });
    await using unknown = await startElasticsearchSink({ url: server.url, tls: { caFile: files.caFile } });

    const taken = await known.sink.send(batchOfIds(['a']), NEVER);
    const refused = await unknown.sink.send(batchOfIds(['b']), NEVER);

    expect(taken).toEqual({ status: 'delivered' });
    expect(refused).toMatchObject({ status: 'retry', retry: { reason: 'connect' } });
  });

  it('waits while a certificate cannot be read as one', async () => {
    await using server = await FaultyBulkServer.start({ tls });
    const caFile = fixture('ca.pem');
    const certFile = await put('client.pem', 'no certificate');
    const files = { caFile, certFile, keyFile: fixture('client.key') };
    await using under = await startElasticsearchSink({ url: server.url, tls: files });

    const result = await under.sink.send(batchOfIds(['a']), NEVER);

    expect(result).toMatchObject({ status: 'retry', retry: { reason: 'connect' } });
  });
});
