import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Clock, systemClock } from '../../../agent/clock.ts';
import { DeadLetterStore } from '../../../agent/sink/dead-letter/dead-letter-store.ts';
import type {
  DeadLetter,
  DeadLetterStoreOptions,
} from '../../../agent/sink/dead-letter/dead-letter-store.ts';
import { lineText, readDeadLetters } from '../../../agent/sink/dead-letter/reader.ts';
import type { DeadLetterEntry } from '../../../agent/sink/dead-letter/reader.ts';
import type { InternalEvent } from '../../../agent/telemetry/events.ts';
import { CrashPoint } from '../../support/crash-point.ts';
import { FullDisk } from '../../support/full-disk.ts';

const LABELS = { log: 'kube-apiserver', sink: 'siem' };
const FILE = 'kube-apiserver.siem.ndjson';
const FINGERPRINT = '0123456789abcdef'.repeat(4);
const NOW_MS = Date.UTC(2026, 10, 21, 12);
const signal = new AbortController().signal;

let root: string;
let directory: string;
let events: InternalEvent[];
let nowMs: number;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dead-letter-'));
  directory = join(root, 'state', 'dead-letter');
  events = [];
  nowMs = NOW_MS;
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

type StoreChanges = Partial<Omit<DeadLetterStoreOptions, 'clock'> & Pick<Clock, 'delay'>>;

function openStore({ delay = systemClock.delay, ...options }: StoreChanges = {}): Promise<DeadLetterStore> {
  const telemetry = { emit: (event: InternalEvent) => void events.push(event) };
  return DeadLetterStore.open({
    directory,
    maxBytes: 1024 * 1024,
    telemetry,
    clock: { nowMs: () => nowMs, delay },
    ...options,
  });
}

function letter(start: number, line: Buffer | string = `line ${start}`): DeadLetter {
  const range = { file: '/var/log/audit.log', fingerprint: FINGERPRINT, start, end: start + line.length };
  return { reason: 'json', range, line: Buffer.from(line) };
}

async function entries(): Promise<DeadLetterEntry[]> {
  const read: DeadLetterEntry[] = [];
  for await (const entry of readDeadLetters(directory)) read.push(entry);
  return read;
}

async function starts(): Promise<number[]> {
  return (await entries()).map((entry) => entry.range.start);
}

describe('dead letter store', () => {
  it('keeps a letter as one line that its owner alone may read', async () => {
    const store = await openStore();
    expect(await store.write(LABELS, [{ ...letter(7, 'no event'), detail: 'a detail' }], signal)).toBe(true);

    expect(JSON.parse(await readFile(join(directory, FILE), 'utf8'))).toEqual({
      version: 1,
      time: '2026-11-21T12:00:00.000Z',
      ...LABELS,
      range: { file: '/var/log/audit.log', fingerprint: FINGERPRINT, start: 7, end: 15 },
      reason: 'json',
      detail: 'a detail',
      line: 'no event',
    });
    expect((await stat(join(directory, FILE))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(events).toEqual([
      {
        kind: 'dead-letter-written',
        reason: 'json',
        bytes: (await stat(join(directory, FILE))).size,
        ...LABELS,
      },
    ]);
  });

  it.each([
    ['text', Buffer.from('plain')],
    ['what JSON escapes', Buffer.from('"\\\n\t\b\f\r\u0000\u001f\u007f\u2028\u{1f600}é')],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x0a])],
    ['nothing', Buffer.alloc(0)],
    ['text longer than a piece', Buffer.from('é"\\\n'.repeat(50_001))],
    ['binary longer than a piece', Buffer.from('\u00ffa'.repeat(70_001), 'latin1')],
  ])('gives back a line of %s byte for byte', async (_what, line) => {
    const store = await openStore();
    await store.write(LABELS, [letter(0, line)], signal);

    const [entry] = await entries();
    const kept =
      entry?.lineBase64 === undefined
        ? Buffer.from(entry?.line ?? '')
        : Buffer.from(entry.lineBase64, 'base64');
    expect(kept.equals(line)).toBe(true);
    expect(entry && lineText(entry)).toBe(line.toString());
  });

  it('keeps a letter without a line, and one that is too large, by their range', async () => {
    const store = await openStore({ maxBytes: 2000 });
    await store.write(
      LABELS,
      [{ ...letter(1), line: undefined, reason: 'oversize' }, letter(2, 'x'.repeat(3000))],
      signal,
    );

    const [first, second] = await entries();
    expect(first).toMatchObject({ reason: 'oversize', range: { start: 1 } });
    expect(second).toMatchObject({ reason: 'json', range: { start: 2, end: 3002 } });
    expect([first?.line, second?.line, second?.lineBase64]).toEqual([undefined, undefined, undefined]);
  });

  it('keeps the letters of each log and sink in a file of their own', async () => {
    const store = await openStore();
    await store.write(LABELS, [letter(1)], signal);
    await store.write({ log: 'kube-apiserver', sink: 'archive' }, [letter(1)], signal);

    expect((await readdir(directory)).sort()).toEqual(['kube-apiserver.archive.ndjson', FILE]);
  });

  it('does not write a letter again that is on disk, after a restart or before', async () => {
    const first = await openStore();
    await first.write(LABELS, [letter(1), letter(2)], signal);
    const second = await openStore();
    await second.write(LABELS, [letter(1), letter(2), letter(3)], signal);
    await second.write(LABELS, [letter(3), letter(4)], signal);

    expect(await starts()).toEqual([1, 2, 3, 4]);
  });

  it('takes no letter of another sink for its own where their files share a name', async () => {
    const first = await openStore();
    await first.write({ log: 'a.b', sink: 'c' }, [letter(1)], signal);
    const second = await openStore();
    await second.write({ log: 'a', sink: 'b.c' }, [letter(1)], signal);

    expect((await entries()).map(({ log, sink }) => [log, sink])).toEqual([
      ['a.b', 'c'],
      ['a', 'b.c'],
    ]);
  });

  it('finds the place of a letter also behind a long line and a hostile path', async () => {
    const file = '/logs/"},"reason":"x"}/a\u0000b';
    const hostile = { ...letter(5, 'y'.repeat(200_000)), range: { ...letter(5).range, file } };
    await (await openStore()).write(LABELS, [letter(4, '"},"reason":'), hostile], signal);
    await (await openStore()).write(LABELS, [hostile, letter(6)], signal);

    expect(await starts()).toEqual([4, 5, 6]);
  });

  it('cuts off what a crash has torn, at start and before it writes', async () => {
    await (await openStore()).write(LABELS, [letter(1)], signal);
    await appendFile(join(directory, FILE), `{"version":1,"time":"${'x'.repeat(200_000)}`);
    const store = await openStore();
    expect(await starts()).toEqual([1]);
    expect((await stat(join(directory, FILE))).size).toBeLessThan(1000);

    await appendFile(join(directory, FILE), '{"version":1,');
    await store.write(LABELS, [letter(2)], signal);
    expect(await starts()).toEqual([1, 2]);
  });

  it('waits while there is no room, says so at each look, and goes on when there is some', async () => {
    const store = await openStore({
      maxBytes: 1000,
      delay: async () => {
        nowMs += 1000;
        if (nowMs === NOW_MS + 3_000) await rm(join(directory, FILE));
      },
    });
    await store.write(LABELS, [letter(1, 'x'.repeat(600))], signal);
    expect(await store.write(LABELS, [letter(2, 'y'.repeat(600))], signal)).toBe(true);

    expect(await starts()).toEqual([2]);
    const full = events.filter(({ kind }) => kind === 'dead-letter-full');
    expect(full).toEqual(
      Array.from({ length: 3 }, () => ({ kind: 'dead-letter-full', maxBytes: 1000, ...LABELS })),
    );
  });

  it('counts the files of all sinks together', async () => {
    const stop = new AbortController();
    const store = await openStore({ maxBytes: 1000, delay: async () => stop.abort() });
    await store.write({ log: 'other', sink: 'other' }, [letter(1, 'x'.repeat(600))], signal);

    expect(await store.write(LABELS, [letter(2, 'y'.repeat(600))], stop.signal)).toBe(false);
    expect(await starts()).toEqual([1]);
  });

  it('writes as many letters as there is room for, and the rest later', async () => {
    const store = await openStore({
      maxBytes: 1000,
      delay: async () => writeFile(join(directory, FILE), ''),
    });
    const letters = [1, 2, 3, 4].map((start) => letter(start, 'z'.repeat(200)));
    expect(await store.write(LABELS, letters, signal)).toBe(true);

    expect(await starts()).toEqual([3, 4]);
    expect(events.filter(({ kind }) => kind === 'dead-letter-written')).toHaveLength(4);
  });

  it('waits where the disk refuses, and leaves no half letter behind', async () => {
    const disk = new FullDisk(100);
    const sizes: number[] = [];
    const store = await openStore({
      fileSystem: disk,
      delay: async () => {
        sizes.push((await stat(join(directory, FILE))).size);
        disk.freeBytes = 10_000;
      },
    });
    expect(await store.write(LABELS, [letter(1)], signal)).toBe(true);

    expect(sizes).toEqual([0]);
    expect(await starts()).toEqual([1]);
    expect(events[0]).toMatchObject({
      kind: 'dead-letter-write-failed',
      detail: expect.stringContaining('ENOSPC'),
    });
  });

  it('writes many letters in one go', async () => {
    await openStore();
    const fileSystem = new CrashPoint();
    const store = await openStore({ fileSystem });
    await store.write(LABELS, [letter(0)], signal);
    const before = fileSystem.changes;
    await store.write(
      LABELS,
      Array.from({ length: 500 }, (_, index) => letter(index + 1)),
      signal,
    );

    // Opened to look at its end, opened to append, written once, made durable once.
    expect(fileSystem.changes - before).toBe(4);
    expect(await starts()).toHaveLength(501);
  });

  it('writes for several shippers at once without mixing them', async () => {
    const store = await openStore();
    const write = (start: number): Promise<boolean> =>
      store.write(LABELS, [letter(start, `${start} `.repeat(40_000)), letter(start + 1)], signal);
    await Promise.all([write(10), write(20), write(30)]);

    expect(await starts()).toEqual([10, 11, 20, 21, 30, 31]);
  });

  it('refuses a directory that cannot be used', async () => {
    await writeFile(join(root, 'state'), 'in the way');
    await expect(openStore()).rejects.toMatchObject({ code: 'CHECKPOINT_WRITE' });
  });
});
