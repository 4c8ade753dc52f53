import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, truncate, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { GzipReader } from '../../agent/log/gzip-reader.ts';
import { LogFiles } from '../support/log-files.ts';

const NEVER = new AbortController().signal;

describe('gzip reader', () => {
  let log: LogFiles;
  let handle: FileHandle;

  beforeEach(async () => {
    log = await LogFiles.create();
    handle = await open(log.path, 'w+');
  });

  afterEach(async () => {
    await handle.close();
    await log.remove();
  });

  async function readAll(reader: GzipReader, pieceBytes = 1_000): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (;;) {
      const piece = Buffer.alloc(pieceBytes);
      const bytes = await reader.read(piece, 0, pieceBytes);
      if (bytes === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, bytes));
    }
  }

  it('reads several members as one content', async () => {
    const content = randomBytes(300_000);
    await writeFile(
      log.path,
      Buffer.concat([gzipSync(content.subarray(0, 100_000)), gzipSync(content.subarray(100_000))]),
    );
    const reader = new GzipReader(handle);

    expect((await readAll(reader)).equals(content)).toBe(true);
    expect(reader.ending).toBe('complete');
    expect(reader.position).toBe(300_000);
  });

  it('hands out everything that decompresses of an archive that ends early', async () => {
    const content = randomBytes(300_000);
    const archive = gzipSync(content);
    await writeFile(log.path, archive);
    await truncate(log.path, archive.length - 100_000);
    const reader = new GzipReader(handle);
    const read = await readAll(reader);

    expect(reader.ending).toBe('cut-short');
    expect(read.equals(content.subarray(0, read.length))).toBe(true);
    expect(read.length).toBeGreaterThan(190_000);
  });

  it('tells a wrong checksum after the content', async () => {
    const content = randomBytes(100_000);
    const archive = gzipSync(content);
    archive[archive.length - 8] = (archive[archive.length - 8] ?? 0) ^ 1;
    await writeFile(log.path, archive);
    const reader = new GzipReader(handle);

    expect((await readAll(reader)).equals(content)).toBe(true);
    expect(reader.ending).toBe('damaged');
  });

  it('hands out what stands before a wrong byte', async () => {
    const content = randomBytes(200_000);
    const archive = gzipSync(content.toString('hex'));
    archive.fill(0xff, 100_000, 100_100);
    await writeFile(log.path, archive);
    const reader = new GzipReader(handle);
    const read = await readAll(reader);

    expect(reader.ending).toBe('damaged');
    expect(read.length).toBeGreaterThan(150_000);
    expect(read.subarray(0, 150_000).toString()).toBe(content.toString('hex').slice(0, 150_000));
  });

  it('says damaged to what is no archive, and cut-short to an empty file', async () => {
    const empty = new GzipReader(handle);
    expect(await readAll(empty)).toHaveLength(0);
    expect(empty.ending).toBe('cut-short');

    await writeFile(log.path, 'no archive');
    const wrong = new GzipReader(handle);
    expect(await readAll(wrong)).toHaveLength(0);
    expect(wrong.ending).toBe('damaged');
  });

  it('passes over content, and says when it ends before that', async () => {
    const content = randomBytes(300_000);
    await writeFile(log.path, gzipSync(content));
    const reader = new GzipReader(handle);

    expect(await reader.skipTo(250_001, NEVER)).toBe(true);
    expect((await readAll(reader)).equals(content.subarray(250_001))).toBe(true);
    expect(await new GzipReader(handle).skipTo(300_001, NEVER)).toBe(false);
  });

  it('holds little of a content that is a thousand times its archive', async () => {
    const member = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    await writeFile(log.path, Buffer.concat(Array.from({ length: 8 }, () => member)));
    const reader = new GzipReader(handle);
    const piece = Buffer.alloc(1_000);
    await reader.read(piece, 0, piece.length);
    const before = process.memoryUsage().arrayBuffers;
    await reader.skipTo(400 * 1024 * 1024, NEVER);

    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(150 * 1024 * 1024);
    reader.close();
  });
});
