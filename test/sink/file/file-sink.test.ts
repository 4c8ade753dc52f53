import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Batch } from '../../../agent/sink/batch.ts';
import { fileSink } from '../../../agent/sink/file/definition.ts';
import type { FileSink } from '../../../agent/sink/file/file-sink.ts';
import { realSliceFileSystem } from '../../../agent/sink/file/file-system.ts';
import type { SliceFileSystem } from '../../../agent/sink/file/file-system.ts';
import type { SendResult, Sink } from '../../../agent/sink/sink.ts';
import type { InternalEvent } from '../../../agent/telemetry/events.ts';
import { auditLine } from '../../support/audit-line.ts';
import { recordOf, TEST_FILE } from '../../support/event-record.ts';
import { filesBelow, fileSinkAt, LABELS, readSlice } from '../../support/file-shipping.ts';
import { FullDisk } from '../../support/full-disk.ts';

const signal = new AbortController().signal;
const MINUTE_MS = 60_000;
const HOURLY = 'audit-{yyyy}{MM}{dd}{HH}.ndjson';

let directory: string;
let events: InternalEvent[];
let nowMs: number;
const sinks: Sink[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-sink-'));
  events = [];
  nowMs = Date.UTC(2026, 10, 21, 10, 30);
});

afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close();
  await rm(directory, { recursive: true, force: true });
});

async function openSink(
  path: string,
  { state, fileSystem = realSliceFileSystem }: { state?: unknown; fileSystem?: SliceFileSystem } = {},
): Promise<FileSink> {
  const telemetry = { emit: (event: InternalEvent) => void events.push(event) };
  const sink = fileSinkAt(join(directory, path), { fileSystem, telemetry, nowMs: () => nowMs });
  sinks.push(sink);
  await sink.open(state);
  return sink;
}

function at(time: string, namespace = 'default'): string {
  return auditLine(0, { stageTimestamp: `2026-11-21T${time}Z`, objectRef: { resource: 'pods', namespace } });
}

function batchOf(sink: Sink, lines: readonly string[]): Batch {
  const batch = new Batch(Buffer.alloc(lines.join('').length + lines.length * 300));
  for (const line of lines) {
    const record = recordOf(line);
    if (record === undefined) throw new Error('the scan does not take the line');
    expect(sink.encode(record, batch)).toBe(0);
  }
  return batch;
}

function send(sink: Sink, lines: readonly string[]): Promise<SendResult> {
  return sink.send(batchOf(sink, lines), signal);
}

function stateOf(result: SendResult): unknown {
  // Through JSON, as it comes back from the position file.
  expect(result.status).toBe('delivered');
  return result.status === 'delivered' ? JSON.parse(JSON.stringify(result.state)) : undefined;
}

async function settle(sink: Sink, result: SendResult): Promise<unknown> {
  const state = stateOf(result);
  await sink.sync();
  await sink.settled?.(state);
  return state;
}

function read(name: string): Promise<string> {
  return readSlice(join(directory, name));
}

function kinds(): string[] {
  return events.map(({ kind }) => kind);
}

describe('file sink', () => {
  it('writes an open slice beside its final name, readable for its group only', async () => {
    const sink = await openSink('deep/{namespace}/audit-{yyyy}{MM}{dd}{HH}.ndjson.gz');
    await settle(sink, await send(sink, [at('10:00:00'), at('10:00:01', 'kube-system'), at('10:00:02')]));

    const name = 'deep/default/audit-2026112110.ndjson.gz.partial';
    expect(await filesBelow(directory)).toEqual([
      name,
      'deep/kube-system/audit-2026112110.ndjson.gz.partial',
    ]);
    expect(await read(name)).toBe(`${at('10:00:00')}\n${at('10:00:02')}\n`);
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o640);
    expect((await stat(dirname(join(directory, name)))).mode & 0o777).toBe(0o750);
  });

  it('writes a path without time under its own name at once', async () => {
    const sink = await openSink('all.ndjson');
    await send(sink, [at('10:00:00')]);
    await send(sink, [at('23:00:00')]);

    expect(await read('all.ndjson')).toBe(`${at('10:00:00')}\n${at('23:00:00')}\n`);
  });

  it('gives a slice its final name once events have moved past it and the position covers it', async () => {
    const sink = await openSink(HOURLY);
    await settle(sink, await send(sink, [at('10:59:59')]));
    const result = await send(sink, [at('11:00:30')]);
    await settle(sink, result);
    expect(await filesBelow(directory)).toEqual([
      'audit-2026112110.ndjson.partial',
      'audit-2026112111.ndjson.partial',
    ]);

    const later = await send(sink, [at('11:01:00')]);
    expect(await filesBelow(directory)).toContain('audit-2026112110.ndjson.partial');
    await settle(sink, later);

    expect(await filesBelow(directory)).toEqual([
      'audit-2026112110.ndjson',
      'audit-2026112111.ndjson.partial',
    ]);
    expect(events).toContainEqual({
      kind: 'slice-finished',
      path: join(directory, 'audit-2026112110.ndjson'),
      bytes: at('10:59:59').length + 1,
      ...LABELS,
    });
  });

  it('keeps a slice open for events that come late', async () => {
    const sink = await openSink(HOURLY);
    await settle(sink, await send(sink, [at('10:59:59')]));
    await settle(sink, await send(sink, [at('11:05:00'), at('10:59:58')]));

    expect(await filesBelow(directory)).toContain('audit-2026112110.ndjson.partial');
  });

  it('finishes the slices of a quiet log by the clock', async () => {
    const telemetry = { emit: (event: InternalEvent) => void events.push(event) };
    const sink = fileSinkAt(join(directory, HOURLY), {
      fileSystem: realSliceFileSystem,
      telemetry,
      nowMs: () => nowMs,
      lookIntervalMs: 5,
    });
    sinks.push(sink);
    await sink.open(undefined);
    await settle(sink, await send(sink, [at('10:30:00')]));
    nowMs += 31 * MINUTE_MS;

    const finished = async (): Promise<boolean> =>
      (await filesBelow(directory)).includes('audit-2026112110.ndjson');
    const endMs = Date.now() + 20_000;
    while (!(await finished()) && Date.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await filesBelow(directory)).toEqual(['audit-2026112110.ndjson']);
  });

  it('opens a finished slice again for an event that comes too late, and finishes it again', async () => {
    const sink = await openSink(`${HOURLY}.gz`);
    await settle(sink, await send(sink, [at('10:59:59')]));
    await settle(sink, await send(sink, [at('11:30:00')]));
    expect(await filesBelow(directory)).toContain('audit-2026112110.ndjson.gz');

    await settle(sink, await send(sink, [at('10:00:00')]));
    await settle(sink, await send(sink, [at('11:30:01')]));

    expect(await read('audit-2026112110.ndjson.gz')).toBe(`${at('10:59:59')}\n${at('10:00:00')}\n`);
  });

  it('never writes over a file that somebody put under the final name', async () => {
    const sink = await openSink(`${HOURLY}.gz`);
    await settle(sink, await send(sink, [at('10:59:59')]));
    await writeFile(join(directory, 'audit-2026112110.ndjson.gz'), 'not ours');
    await settle(sink, await send(sink, [at('11:30:00')]));

    expect(await readFile(join(directory, 'audit-2026112110.ndjson.gz'), 'utf8')).toBe('not ours');
    expect(await read('audit-2026112110.1.ndjson.gz')).toBe(`${at('10:59:59')}\n`);
  });

  it('goes on with the partial slices of the run before', async () => {
    const first = await openSink(`${HOURLY}.gz`);
    const state = await settle(first, await send(first, [at('10:00:00')]));
    await first.close();

    const second = await openSink(`${HOURLY}.gz`, { state });
    await settle(second, await send(second, [at('10:00:01')]));

    expect(await read('audit-2026112110.ndjson.gz.partial')).toBe(`${at('10:00:00')}\n${at('10:00:01')}\n`);
    expect(kinds()).not.toContain('slice-missing');
  });

  it('cuts slices back to the state of the last position', async () => {
    const first = await openSink(`{namespace}/${HOURLY}.gz`);
    const state = await settle(first, await send(first, [at('10:00:00')]));
    await send(first, [at('10:00:01'), at('10:00:02', 'younger')]);
    await first.close();

    await openSink(`{namespace}/${HOURLY}.gz`, { state });

    expect(await filesBelow(directory)).toEqual(['default/audit-2026112110.ndjson.gz.partial']);
    expect(await read('default/audit-2026112110.ndjson.gz.partial')).toBe(`${at('10:00:00')}\n`);
  });

  it('cuts back slices that were begun before any position was on disk', async () => {
    await writeFile(join(directory, 'all.ndjson'), 'older\n');
    const first = await openSink('all.ndjson');
    await send(first, [at('10:00:00')]);
    await first.close();

    const second = await openSink('all.ndjson');
    await send(second, [at('10:00:00')]);

    expect(await read('all.ndjson')).toBe(`older\n${at('10:00:00')}\n`);
  });

  it('appends where the state is lost, and cuts nothing', async () => {
    const first = await openSink(`${HOURLY}.zst`);
    await settle(first, await send(first, [at('10:00:00')]));
    await send(first, [at('10:00:01')]);
    await first.close();

    const second = await openSink(`${HOURLY}.zst`);
    await send(second, [at('10:00:02')]);

    const lines = [at('10:00:00'), at('10:00:01'), at('10:00:02')];
    expect(await read('audit-2026112110.ndjson.zst.partial')).toBe(lines.map((line) => `${line}\n`).join(''));
  });

  it.each([
    ['x.ndjson', Buffer.from('{"half":')],
    ['x.ndjson.gz', gzipSync('a line\n').subarray(0, 15)],
    ['x.ndjson.zst', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x20, 0x01])],
  ])('puts nothing behind a half line or piece that %s ends with', async (name, torn) => {
    await writeFile(join(directory, name), torn);
    const sink = await openSink(name);
    await send(sink, [at('10:00:00')]);

    expect(await read(name)).toBe(`${at('10:00:00')}\n`);
    const aside = (await readdir(directory)).find((file) => file.startsWith(`${name}.damaged-`));
    expect(await readFile(join(directory, aside ?? ''))).toEqual(torn);
  });

  it('says that a recorded slice is gone, and goes on', async () => {
    const first = await openSink(HOURLY);
    const state = await settle(first, await send(first, [at('10:00:00')]));
    await first.close();
    await rm(join(directory, 'audit-2026112110.ndjson.partial'));

    const second = await openSink(HOURLY, { state });
    await send(second, [at('10:00:01')]);

    const bytes = at('10:00:00').length + 1;
    const path = join(directory, 'audit-2026112110.ndjson');
    expect(events).toContainEqual({ kind: 'slice-missing', path, bytes, ...LABELS });
    expect(await read('audit-2026112110.ndjson.partial')).toBe(`${at('10:00:01')}\n`);
  });

  it('sets a slice aside that is shorter than recorded', async () => {
    const first = await openSink(HOURLY);
    const state = await settle(first, await send(first, [at('10:00:00')]));
    await first.close();
    await truncate(join(directory, 'audit-2026112110.ndjson.partial'), 100);

    const second = await openSink(HOURLY, { state });
    await send(second, [at('10:00:01')]);

    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'slice-missing', bytes: at('10:00:00').length - 99 }),
    );
    expect(await read('audit-2026112110.ndjson.partial')).toBe(`${at('10:00:01')}\n`);
  });

  it('does not miss a finished slice that was collected before the next position', async () => {
    const first = await openSink(HOURLY);
    await settle(first, await send(first, [at('10:00:00')]));
    const state = await settle(first, await send(first, [at('11:30:00')]));
    await rename(join(directory, 'audit-2026112110.ndjson'), join(directory, 'collected'));
    await first.close();

    await openSink(HOURLY, { state });

    expect(kinds()).not.toContain('slice-missing');
  });

  it('reopens a finished slice that an older state knows as shorter', async () => {
    const first = await openSink(HOURLY);
    const older = await settle(first, await send(first, [at('10:00:00')]));
    await settle(first, await send(first, [at('10:00:01')]));
    await settle(first, await send(first, [at('11:30:00')]));
    await first.close();
    expect(await filesBelow(directory)).toContain('audit-2026112110.ndjson');

    await openSink(HOURLY, { state: older });

    expect(await filesBelow(directory)).toEqual(['audit-2026112110.ndjson.partial']);
    expect(await read('audit-2026112110.ndjson.partial')).toBe(`${at('10:00:00')}\n`);
  });

  it('says that a slice was deleted under it, and begins it anew', async () => {
    const sink = await openSink(HOURLY);
    await settle(sink, await send(sink, [at('10:00:00')]));
    await rm(join(directory, 'audit-2026112110.ndjson.partial'));
    await settle(sink, await send(sink, [at('10:00:01')]));
    await settle(sink, await send(sink, [at('10:00:02')]));

    expect(kinds()).toContain('slice-missing');
    expect(await read('audit-2026112110.ndjson.partial')).toBe(`${at('10:00:02')}\n`);
  });

  it('holds at most 64 files open, whatever the number of slices', async () => {
    const open = new Set<unknown>();
    const counted: SliceFileSystem = {
      ...realSliceFileSystem,
      open: async (path, flags, mode) => {
        const file = await realSliceFileSystem.open(path, flags, mode);
        open.add(file);
        const close = file.close.bind(file);
        file.close = () => {
          open.delete(file);
          return close();
        };
        mostOpen = Math.max(mostOpen, open.size);
        return file;
      },
    };
    let mostOpen = 0;
    const sink = await openSink('{namespace}.ndjson', { fileSystem: counted });
    const lines = Array.from({ length: 150 }, (_, number) => at('10:00:00', `namespace-${number}`));
    await send(sink, lines);
    await settle(sink, await send(sink, lines));

    expect(mostOpen).toBeLessThanOrEqual(65);
    expect(await filesBelow(directory)).toHaveLength(150);
    expect(await read('namespace-0.ndjson')).toBe(`${lines[0]}\n${lines[0]}\n`);
  });

  it('asks for a retry where the disk is full, with nothing of the batch left behind', async () => {
    const line = at('10:00:00');
    const disk = new FullDisk(4 * line.length);
    const sink = await openSink('{namespace}.ndjson', { fileSystem: disk });
    await send(sink, [line]);
    const result = await send(sink, [line, line, at('10:00:00', 'kube-system')]);

    const detail = `slices below ${directory}: ENOSPC: no space left on device, write`;
    expect(result).toEqual({ status: 'retry', retry: { reason: 'server', detail } });
    expect(await read('default.ndjson')).toBe(`${line}\n`);
    expect((await stat(join(directory, 'kube-system.ndjson'))).size).toBe(0);

    disk.freeBytes = 1024 * 1024;
    await settle(sink, await send(sink, [line, line, at('10:00:00', 'kube-system')]));
    expect(await read('default.ndjson')).toBe(`${line}\n${line}\n${line}\n`);
    expect(await read('kube-system.ndjson')).toBe(`${at('10:00:00', 'kube-system')}\n`);
  });

  it('asks for a retry where a directory cannot be made, and works once it can', async () => {
    await writeFile(join(directory, 'archive'), 'in the way');
    const sink = await openSink('archive/all.ndjson');
    const result = await send(sink, [at('10:00:00')]);
    expect(result).toMatchObject({
      status: 'retry',
      retry: { reason: 'server', detail: expect.stringMatching(/ENOTDIR|EEXIST/) },
    });

    await rm(join(directory, 'archive'));
    await send(sink, [at('10:00:00')]);
    expect(await read('archive/all.ndjson')).toBe(`${at('10:00:00')}\n`);
  });

  it('takes nothing for durable any more once the disk has lost what was written', async () => {
    let isBroken = true;
    const losing: SliceFileSystem = {
      ...realSliceFileSystem,
      open: async (path, flags, mode) => {
        const file = await realSliceFileSystem.open(path, flags, mode);
        const datasync = file.datasync.bind(file);
        if (path.endsWith('.ndjson'))
          file.datasync = () =>
            isBroken
              ? Promise.reject(
                  Object.assign(new Error('EIO: i/o error, fdatasync'), {
                    code: 'EIO',
                    syscall: 'fdatasync',
                  }),
                )
              : datasync();
        return file;
      },
    };
    const sink = await openSink('all.ndjson', { fileSystem: losing });
    await send(sink, [at('10:00:00')]);

    await expect(sink.sync()).rejects.toThrow('EIO');
    isBroken = false;
    await expect(sink.sync()).rejects.toThrow('start the agent anew');
    expect(await send(sink, [at('10:00:01')])).toMatchObject({ status: 'retry' });
  });

  it('writes a document far larger than a piece, and others around it', async () => {
    const large = auditLine(0, { requestObject: { text: 'x'.repeat(3 * 1024 * 1024) } });
    const sink = await openSink('all.ndjson.gz');
    await send(sink, [at('10:00:00'), large, at('10:00:01')]);

    expect(await read('all.ndjson.gz')).toBe(`${at('10:00:00')}\n${large}\n${at('10:00:01')}\n`);
  });

  it('keeps documents with their slices when a batch is split', async () => {
    const sink = await openSink('{namespace}.ndjson');
    const whole = batchOf(sink, [
      at('10:00:00', 'a'),
      at('10:00:01', 'b'),
      at('10:00:02', 'a'),
      at('10:00:03', 'b'),
    ]);
    await sink.send(whole.part(0, 1), signal);
    await sink.send(whole.part(1, 4), signal);

    expect(await read('a.ndjson')).toBe(`${at('10:00:00', 'a')}\n${at('10:00:02', 'a')}\n`);
    expect(await read('b.ndjson')).toBe(`${at('10:00:01', 'b')}\n${at('10:00:03', 'b')}\n`);
    expect(sink.lineOf(whole, 2).toString()).toBe(at('10:00:02', 'a'));
  });

  it('says how much room a document needs and leaves the batch as it was', async () => {
    const sink = await openSink('all.ndjson');
    const record = recordOf(at('10:00:00'));
    const batch = new Batch(Buffer.alloc(100));

    const neededBytes = record === undefined ? 0 : sink.encode(record, batch);

    expect(neededBytes).toBeGreaterThan(at('10:00:00').length);
    expect(batch).toMatchObject({ count: 0, length: 0 });
    expect(record && sink.encode(record, new Batch(Buffer.alloc(neededBytes)))).toBe(0);
  });

  it('writes records about the agent beside the events, also among raw lines', async () => {
    const sink = await openSink(HOURLY);
    const batch = new Batch(Buffer.alloc(64 * 1024));
    const fields = { reason: 'truncated', offset: 7 };
    const own = {
      kind: 'gap',
      node: 'n',
      timeMs: nowMs,
      counter: 1,
      log: 'l',
      summary: 'Events may be missing',
      fields,
    } as const;
    expect(sink.encodeOwn(own, batch)).toBe(0);
    await sink.send(batch, signal);

    const document: unknown = JSON.parse(await read('audit-2026112110.ndjson.partial'));
    expect(document).toMatchObject({ message: 'Events may be missing', k8s_audit: { gap: fields } });
  });

  it('is made from its settings, with documents by default', async () => {
    const settings = fileSink.schema.parse({
      name: 'archive',
      type: 'file',
      path: join(directory, 'x.ndjson'),
    });
    const document = { nodeName: 'n', clusterName: 'c', agentVersion: '1', logName: 'l' };
    const telemetry = { emit: () => {} };
    const sink = await fileSink.create(settings, {
      name: 'archive',
      document,
      telemetry,
      nowMs: () => nowMs,
      env: {},
    });
    sinks.push(sink);
    await sink.open(undefined, signal);
    const lines = [at('10:00:00'), at('10:00:01')];
    const batch = new Batch(Buffer.alloc(64 * 1024));
    for (const line of lines) {
      const record = recordOf(line);
      if (record !== undefined) sink.encode(record, batch);
    }
    await sink.send(batch, signal);

    const documents = (await read('x.ndjson'))
      .split('\n')
      .slice(0, -1)
      .map((text): unknown => JSON.parse(text));
    expect(documents).toHaveLength(2);
    expect(documents[0]).toMatchObject({
      '@timestamp': expect.any(String),
      kubernetes: { audit: { auditID: '00000000-0000-4000-8000-000000000000' } },
      log: { file: { fingerprint: TEST_FILE.fingerprint } },
    });
    expect(sink.lineOf(batch, 1).toString()).toBe(lines[1]);
  });

  it('does not begin what it cannot end when it is told to stop', async () => {
    const sink = await openSink('all.ndjson');
    const result = await sink.send(batchOf(sink, [at('10:00:00')]), AbortSignal.abort());

    expect(result.status).toBe('retry');
    expect(await filesBelow(directory)).toEqual([]);
  });

  it('survives that its journal is deleted', async () => {
    const sink = await openSink('{namespace}/all.ndjson');
    const first = await send(sink, [at('10:00:00', 'a')]);
    await settle(sink, first);
    const [journal] = (await readdir(directory)).filter((name) => name.endsWith('.journal'));
    await rm(join(directory, journal ?? ''));
    const state = await settle(sink, await send(sink, [at('10:00:01', 'b')]));
    await send(sink, [at('10:00:02', 'c')]);
    await sink.close();
    await mkdir(join(directory, 'unrelated'));
    await appendFile(join(directory, 'unrelated', 'file'), 'stays');

    await openSink('{namespace}/all.ndjson', { state });
    expect(await filesBelow(directory)).toEqual(['a/all.ndjson', 'b/all.ndjson', 'unrelated/file']);
  });
});
