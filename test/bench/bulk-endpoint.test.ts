import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startEndpoint } from '../../bench/endpoint-process.ts';
import type { EndpointProcess } from '../../bench/endpoint-process.ts';

const BULK_PATH = '/logs-kubernetes.audit_logs-default/_bulk?filter_path=errors,items.*.status';

describe('the bulk endpoint of the bench', () => {
  const abort = new AbortController();
  let endpoint: EndpointProcess;
  beforeAll(async () => {
    endpoint = await startEndpoint(abort.signal);
  });
  afterAll(() => endpoint.stop());

  const send = async (body: Buffer | string, headers: Record<string, string>): Promise<unknown> => {
    const response = await fetch(`${endpoint.url}${BULK_PATH}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-ndjson', ...headers },
    });
    return response.json();
  };
  const documents = (count: number): string => '{"create":{"_id":"a"}}\n{"message":"b"}\n'.repeat(count);

  it('answers for each document and counts them, compressed or not', async () => {
    const before = await endpoint.received();

    const plain = await send(documents(3), {});
    const compressed = await send(gzipSync(documents(40_000)), { 'content-encoding': 'gzip' });

    expect(plain).toEqual({ errors: false, items: [1, 2, 3].map(() => ({ create: { status: 201 } })) });
    expect(compressed).toHaveProperty('items.length', 40_000);
    const after = await endpoint.received();
    expect(after.documents - before.documents).toBe(40_003);
    expect(after.requests - before.requests).toBe(2);
  });

  it('tells when the first and the last document came', async () => {
    const startedAtMs = Date.now();
    await send(documents(1), {});

    const { firstDocumentAtMs, lastDocumentAtMs } = await endpoint.received();

    expect(firstDocumentAtMs).toBeLessThanOrEqual(lastDocumentAtMs);
    expect(lastDocumentAtMs).toBeGreaterThanOrEqual(startedAtMs);
    expect(lastDocumentAtMs).toBeLessThanOrEqual(Date.now());
  });
});
