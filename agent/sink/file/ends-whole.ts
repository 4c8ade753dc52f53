import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { isSystemError } from '../../errors.ts';
import type { SliceCompression } from './compression.ts';

const LINE_FEED = 0x0a;

/**
 * Whether what stands in a slice can be followed by more: what comes behind half a line or half a compressed piece would be lost to
 * whoever reads it. Reads a gzip slice from start to end.
 */
export async function endsWhole(path: string, compression: SliceCompression): Promise<boolean> {
  if (compression === 'gzip') return gunzips(path);
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return compression === 'none' ? await endsWithLineFeed(file, size) : await isWholeZstdFrames(file, size);
  } finally {
    await file.close();
  }
}

async function gunzips(path: string): Promise<boolean> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline(createReadStream(path), createGunzip(), nowhere);
    return true;
  } catch (error) {
    if (isSystemError(error)) throw error;
    return false;
  }
}

async function endsWithLineFeed(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return true;
  const last = await readAt(file, size - 1, 1);
  return last[0] === LINE_FEED;
}

const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_LONGEST_HEADER = 18;
const ZSTD_BLOCK_HEADER = 3;
const ZSTD_RLE_BLOCK = 1;

/** Walks frames by the sizes in their headers (RFC 8878 §3.1), because a decompressor takes half a frame at the end for nothing. */
async function isWholeZstdFrames(file: FileHandle, size: number): Promise<boolean> {
  let at = 0;
  while (at < size) {
    const end = await zstdFrameEnd(file, at);
    if (end === undefined || end > size) return false;
    at = end;
  }
  return true;
}

/** Just past the frame that begins at `start`; undefined where none does. */
async function zstdFrameEnd(file: FileHandle, start: number): Promise<number | undefined> {
  const header = await readAt(file, start, ZSTD_LONGEST_HEADER);
  if (header.length < 6 || header.readUInt32LE(0) !== ZSTD_MAGIC) return undefined;
  const descriptor = header[4] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  let at = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
  for (;;) {
    const block = await readAt(file, at, ZSTD_BLOCK_HEADER);
    if (block.length < ZSTD_BLOCK_HEADER) return undefined;
    const word = block.readUIntLE(0, ZSTD_BLOCK_HEADER);
    at += ZSTD_BLOCK_HEADER + (((word >> 1) & 3) === ZSTD_RLE_BLOCK ? 1 : word >> 3);
    if ((word & 1) === 1) return at + ((descriptor & 4) === 0 ? 0 : 4);
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
