import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { bulkBody } from '../../../agent/sink/bulk/body.ts';
import { batchOfIds, idsOf } from '../../support/bulk-batch.ts';

describe('bulkBody', () => {
  it('compresses a batch once and gives the same bytes again', async () => {
    const batch = batchOfIds(idsOf(1000));

    const first = await bulkBody(batch, 'gzip');
    const second = await bulkBody(batch, 'gzip');

    expect(second).toBe(first);
    expect(first.length).toBeLessThan(batch.length / 3);
    expect(gunzipSync(first).equals(batch.buffer.subarray(0, batch.length))).toBe(true);
  });

  it('gives only the bytes in use when nothing is compressed', async () => {
    const batch = batchOfIds(['a', 'b']);
    batch.keep([1]);

    const body = await bulkBody(batch, 'none');

    expect(body.toString()).toBe('{"create":{"_id":"b"}}\n{"a":1}\n');
  });

  it('compresses anew what was left of a batch', async () => {
    const batch = batchOfIds(['a', 'b']);
    await bulkBody(batch, 'gzip');
    batch.keep([1]);

    const body = await bulkBody(batch, 'gzip');

    expect(gunzipSync(body).toString()).toBe('{"create":{"_id":"b"}}\n{"a":1}\n');
  });
});
