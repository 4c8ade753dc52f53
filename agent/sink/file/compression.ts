import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';

export type SliceCompression = 'none' | 'gzip' | 'zstd';

// Level 1 is where the cost ends and most of the gain is had.
const GZIP_OPTIONS = { level: constants.Z_BEST_SPEED, chunkSize: 256 * 1024 };

const gzipOnThreadPool = promisify(gzip);
const zstdOnThreadPool = promisify(zstdCompress);

/** How a slice of this name is compressed. */
export function compressionOf(path: string): SliceCompression {
  if (path.endsWith('.gz')) return 'gzip';
  return path.endsWith('.zst') ? 'zstd' : 'none';
}

/**
 * A piece of a slice as it is written: a whole gzip member or zstd frame, so that a slice may be cut at any boundary between pieces and
 * stays readable.
 */
export async function compressPiece(piece: Buffer, compression: SliceCompression): Promise<Buffer> {
  switch (compression) {
    case 'none':
      return piece;
    case 'gzip':
      return gzipOnThreadPool(piece, GZIP_OPTIONS);
    case 'zstd':
      return zstdOnThreadPool(piece);
  }
}
