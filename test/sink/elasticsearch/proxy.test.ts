import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { batchOfIds } from '../../support/bulk-batch.ts';
import { startElasticsearchSink } from '../../support/elasticsearch-sink.ts';
import { FaultyBulkServer } from '../../support/faulty-bulk-server.ts';
import { ForwardProxy } from '../../support/forward-proxy.ts';

const NEVER = new AbortController().signal;
const fixture = (name: string): string => join(import.meta.dirname, '../../fixtures/tls', name);

async function startTlsServer(): Promise<FaultyBulkServer> {
  const [key, cert] = await Promise.all([readFile(fixture('server.key')), readFile(fixture('server.pem'))]);
  return FaultyBulkServer.start({ tls: { key, cert } });
}

describe('an Elasticsearch sink behind a proxy', () => {
  it('reaches a TLS server through the configured proxy, with the credentials of its URL', async () => {
    await using server = await startTlsServer();
    await using proxy = await ForwardProxy.start();
    const proxyUrl = `http://user:pass@${proxy.address}`;
    await using under = await startElasticsearchSink({
      url: server.url,
      proxyUrl,
      tls: { caFile: fixture('ca.pem') },
    });

    const results = [
      await under.sink.send(batchOfIds(['a']), NEVER),
      await under.sink.send(batchOfIds(['b']), NEVER),
    ];

    expect(results).toEqual([{ status: 'delivered' }, { status: 'delivered' }]);
    expect(proxy.tunnels).toEqual([`127.0.0.1:${server.port}`]);
    expect(proxy.authorizations).toEqual([`Basic ${Buffer.from('user:pass').toString('base64')}`]);
  });

  it('takes the proxy of the environment, and verifies the server behind it', async () => {
    await using server = await startTlsServer();
    await using proxy = await ForwardProxy.start();
    const env = { HTTPS_PROXY: `http://${proxy.address}` };
    const settings = { url: server.url, tls: { caFile: fixture('other-ca.pem') } };
    await using under = await startElasticsearchSink(settings, { env });

    const result = await under.sink.send(batchOfIds(['a']), NEVER);

    expect(result).toMatchObject({
      retry: { reason: 'connect', detail: expect.stringContaining('certificate') },
    });
    expect(proxy.tunnels).toHaveLength(1);
  });

  it('goes directly to what NO_PROXY names', async () => {
    await using server = await FaultyBulkServer.start();
    await using proxy = await ForwardProxy.start();
    const env = { HTTP_PROXY: `http://${proxy.address}`, NO_PROXY: '127.0.0.0/8' };
    await using under = await startElasticsearchSink({ url: server.url }, { env });

    const result = await under.sink.send(batchOfIds(['a']), NEVER);

    expect(result).toEqual({ status: 'delivered' });
    expect(proxy.tunnels).toHaveLength(0);
  });

  it('waits while the proxy refuses, and does not print its credentials', async () => {
    await using server = await FaultyBulkServer.start();
    await using proxy = await ForwardProxy.start(407);
    const proxyUrl = `http://user:S3CRET@${proxy.address}`;
    await using under = await startElasticsearchSink({ url: server.url, proxyUrl });

    const result = await under.sink.send(batchOfIds(['a']), NEVER);

    expect(result).toMatchObject({
      status: 'retry',
      retry: { reason: 'connect', detail: expect.stringContaining('407') },
    });
    expect(JSON.stringify(result)).not.toContain('S3CRET');
  });
});
