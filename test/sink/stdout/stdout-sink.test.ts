import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { Batch } from '../../../agent/sink/batch.ts';
import { stdoutSchema } from '../../../agent/sink/stdout/config.ts';
import { FileOutput } from '../../../agent/sink/stdout/file-output.ts';
import { StdoutSink } from '../../../agent/sink/stdout/stdout-sink.ts';
import { auditLine } from '../../support/audit-line.ts';
import { recordOf } from '../../support/event-record.ts';

const signal = new AbortController().signal;
const CHILD = join(import.meta.dirname, '..', '..', 'support', 'stdout-child.ts');

async function openSink(output: Writable | FileOutput): Promise<StdoutSink> {
  const document = { nodeName: 'n', clusterName: 'c', agentVersion: '1', logName: 'l' };
  const sink = new StdoutSink(output, { format: 'raw', document, nowMs: () => 0 });
  await sink.open();
  return sink;
}

function batchOf(sink: StdoutSink, numbers: readonly number[]): Batch {
  const batch = new Batch(Buffer.alloc(4096 * numbers.length));
  for (const number of numbers) {
    const record = recordOf(auditLine(number));
    if (record !== undefined) expect(sink.encode(record, batch)).toBe(0);
  }
  return batch;
}

describe('stdout sink', () => {
  it('writes one event a line', async () => {
    const output = new PassThrough();
    const sink = await openSink(output);
    const written = text(output);

    expect(await sink.send(batchOf(sink, [1, 2]), signal)).toEqual({ status: 'delivered' });
    await sink.close();
    output.end();

    expect(await written).toBe(`${auditLine(1)}\n${auditLine(2)}\n`);
  });

  it('has delivered a batch only when its reader has taken it', async () => {
    let take = (): void => {};
    const output = new Writable({ write: (_chunk, _encoding, done) => void (take = done) });
    const sink = await openSink(output);
    let isDelivered = false;
    const sent = sink.send(batchOf(sink, [1]), signal).then((result) => {
      isDelivered = true;
      return result;
    });
    await new Promise((resolve) => setImmediate(resolve));

    expect(isDelivered).toBe(false);
    take();
    expect(await sent).toEqual({ status: 'delivered' });
  });

  it('stops waiting for a reader that does not read', async () => {
    const sink = await openSink(new Writable({ write: () => {} }));
    const stop = new AbortController();
    const sent = sink.send(batchOf(sink, [1]), stop.signal);
    stop.abort();

    expect(await sent).toMatchObject({ status: 'retry' });
  });

  it('settles nothing once the reader is gone', async () => {
    const child = spawn(process.execPath, [CHILD], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = text(child.stderr);
    child.stdout.destroy();
    const [code] = (await once(child, 'exit')) as [number | null];

    expect({ code, said: await said }).toEqual({
      code: 0,
      said: 'retry connect standard output: write EPIPE\n',
    });
  });

  it('has delivered nothing that a full disk took only a part of, and spoils no other line with that part', async () => {
    let freeBytes = 100;
    let file = '';
    const output = new FileOutput(async (bytes, offset) => {
      const bytesWritten = Math.min(bytes.length - offset, freeBytes);
      if (bytesWritten === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
      freeBytes -= bytesWritten;
      file += bytes.toString('utf8', offset, offset + bytesWritten);
      return { bytesWritten };
    });
    const sink = await openSink(output);
    const batch = batchOf(sink, [1, 2]);

    expect(await sink.send(batch, signal)).toMatchObject({ status: 'retry', retry: { reason: 'server' } });
    freeBytes = 1_000_000;
    expect(await sink.send(batch, signal)).toEqual({ status: 'delivered' });
    expect(file).toBe(`${auditLine(1).slice(0, 100)}\n${auditLine(1)}\n${auditLine(2)}\n`);
  });

  it('has settings of its own and refuses others', () => {
    expect(stdoutSchema.parse({ name: 's', type: 'stdout' })).toMatchObject({ format: 'document' });
    expect(stdoutSchema.safeParse({ name: 's', type: 'stdout', path: '/x' }).success).toBe(false);
  });
});
