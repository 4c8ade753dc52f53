import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateLog } from '../../bench/generate-log.ts';

const MEBIBYTE = 1024 ** 2;

describe('generateLog', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'generate-log-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('writes Metadata events of 1.3 KB mean, each with its own auditID', async () => {
    const log = await generateLog({ path: join(directory, 'a.log'), bytes: 2 * MEBIBYTE, seed: 1 });

    const text = await readFile(log.path, 'utf8');
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { auditID: string; level: string; kind: string });
    expect(Buffer.byteLength(text)).toBe(log.bytes);
    expect(events).toHaveLength(log.events);
    expect(new Set(events.map((event) => event.auditID)).size).toBe(log.events);
    expect(events.every((event) => event.kind === 'Event' && event.level === 'Metadata')).toBe(true);
    expect(log.bytes / log.events).toBeGreaterThan(1250);
    expect(log.bytes / log.events).toBeLessThan(1400);
  });

  it('writes the same bytes for the same seed and others for another', async () => {
    const write = async (name: string, seed: number): Promise<Buffer> => {
      const { path } = await generateLog({ path: join(directory, name), bytes: MEBIBYTE / 4, seed });
      return readFile(path);
    };

    const [first, same, other] = [await write('1', 7), await write('2', 7), await write('3', 8)];

    expect(first.equals(same)).toBe(true);
    expect(first.equals(other)).toBe(false);
  });

  it('ends with the first event that reaches the size', async () => {
    const log = await generateLog({ path: join(directory, 'small.log'), bytes: 10_000, seed: 2 });

    expect(log.bytes).toBeGreaterThanOrEqual(10_000);
    expect(log.bytes).toBeLessThan(10_000 + 2_000);
  });
});
