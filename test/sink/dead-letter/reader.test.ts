import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { maskLine, readDeadLetters } from '../../../agent/sink/dead-letter/reader.ts';
import type { DeadLetterEntry } from '../../../agent/sink/dead-letter/reader.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dead-letter-reader-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function entry(changes: Partial<DeadLetterEntry> = {}): DeadLetterEntry {
  return {
    version: 1,
    time: '2026-11-21T12:00:00.000Z',
    sink: 'siem',
    log: 'kube-apiserver',
    range: { file: '/var/log/audit.log', fingerprint: 'ab'.repeat(32), start: 10, end: 328 },
    reason: 'json',
    ...changes,
  };
}

async function read(): Promise<{ entries: DeadLetterEntry[]; damaged: string[] }> {
  const entries: DeadLetterEntry[] = [];
  const damaged: string[] = [];
  for await (const one of readDeadLetters(directory, (path) => damaged.push(path))) entries.push(one);
  return { entries, damaged };
}

describe('dead letter reader', () => {
  it('reads all files of a store, one after another', async () => {
    const lines = [entry({ line: 'one' }), entry({ line: 'two' }), entry({ lineBase64: '/w==' })];
    await writeFile(join(directory, 'b.siem.ndjson'), `${JSON.stringify(lines[2])}\n`);
    await writeFile(
      join(directory, 'a.siem.ndjson'),
      lines
        .slice(0, 2)
        .map((one) => `${JSON.stringify(one)}\n`)
        .join(''),
    );
    await writeFile(join(directory, 'notes.txt'), 'not a letter');

    expect(await read()).toEqual({ entries: lines, damaged: [] });
  });

  it('leaves out what is no whole entry and names the file', async () => {
    const path = join(directory, 'a.siem.ndjson');
    await writeFile(
      path,
      `${JSON.stringify(entry())}\n{"version":9}\n\n${JSON.stringify(entry({ line: 'x' })).slice(0, -5)}`,
    );

    expect(await read()).toEqual({ entries: [entry()], damaged: [path, path] });
  });

  it('finds nothing where no agent has run', async () => {
    await rm(directory, { recursive: true });
    expect(await read()).toEqual({ entries: [], damaged: [] });
  });

  it('says what it cannot read', async () => {
    await mkdir(join(directory, 'a.siem.ndjson'));
    await expect(read()).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it('can be left in the middle', async () => {
    await writeFile(join(directory, 'a.siem.ndjson'), `${JSON.stringify(entry())}\n`.repeat(1000));
    for await (const one of readDeadLetters(directory)) {
      expect(one).toEqual(entry());
      break;
    }
  });

  it('reads a letter of many megabytes', async () => {
    const line = 'x'.repeat(20 * 1024 * 1024);
    await writeFile(join(directory, 'a.siem.ndjson'), `${JSON.stringify(entry({ line }))}\n`);

    expect((await read()).entries[0]?.line?.length).toBe(line.length);
  });
});

describe('a line in a listing', () => {
  it.each(['json', 'not-audit', 'incomplete-line'])(
    'is masked where nothing in it could be redacted (%s)',
    (reason) => {
      const masked = maskLine(entry({ reason, line: 'é'.repeat(159) }));
      expect(masked).toBe(
        '[318 bytes not shown: this line could not be decoded, so nothing in it could be redacted; --raw shows it]',
      );
    },
  );

  it('counts the bytes of a line that is no UTF-8', () => {
    expect(maskLine(entry({ lineBase64: Buffer.alloc(10).toString('base64') }))).toContain(
      '[10 bytes not shown',
    );
  });

  it('is shown where it was an event', () => {
    expect(maskLine(entry({ reason: 'document_parsing_exception', line: '{"kind":"Event"}' }))).toBe(
      '{"kind":"Event"}',
    );
  });

  it('names its length where only its place was kept', () => {
    expect(maskLine(entry({ reason: 'oversize' }))).toBe(
      '[318 bytes not kept: only their place in the log is]',
    );
  });
});
