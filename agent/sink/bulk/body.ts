import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { Batch } from '../batch.ts';

// Level 1 is where the cost ends and most of the gain is had: audit lines shrink to an eighth, level 6 costs twice as much for a tenth.
const GZIP_LEVEL = constants.Z_BEST_SPEED;

// Few large pieces: each piece of output is a trip to the thread pool and back.
const GZIP_CHUNK_BYTES = 256 * 1024;

const gzipOnThreadPool = promisify(gzip);

export type BulkCompression = 'gzip' | 'none';

/**
 * The request body of a sealed batch. It is compressed once and kept with the batch, so that a retry sends the same bytes and costs
 * nothing.
 */
export async function bulkBody(batch: Batch, compression: BulkCompression): Promise<Buffer> {
  const plain = batch.buffer.subarray(0, batch.length);
  if (compression === 'none') return plain;
  batch.body ??= await gzipOnThreadPool(plain, { level: GZIP_LEVEL, chunkSize: GZIP_CHUNK_BYTES });
  return batch.body;
}
