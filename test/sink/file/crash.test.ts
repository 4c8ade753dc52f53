import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { lineText, readDeadLetters } from '../../../agent/sink/dead-letter/reader.ts';
import { runNode } from '../../support/child-process.ts';
import { CrashPoint } from '../../support/crash-point.ts';
import {
  archivedLines,
  filesBelow,
  numbersOf,
  shipLines,
  shippedLines,
} from '../../support/file-shipping.ts';

const CHILD = join(import.meta.dirname, '..', '..', 'support', 'crash-child.ts');
const SLICES = '{namespace}/audit-{yyyy}{MM}{dd}-{HH}{mm}.ndjson.gz';
/** Not every place in each run of the tests: the three paths begin at different ones. */
const STEP = 5;
const LINES = shippedLines(35);
const GOOD = numbersOf(LINES.filter((line) => line.startsWith('{')));
const BAD = numbersOf(LINES.filter((line) => !line.startsWith('{')));

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'file-crash-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

/** What is there after all: each line, good or bad, must be there once. */
async function arrived(directory: string): Promise<{ good: number[]; bad: number[] }> {
  const dead: string[] = [];
  for await (const entry of readDeadLetters(join(directory, 'dead-letter'))) dead.push(lineText(entry) ?? '');
  return { good: numbersOf(await archivedLines(join(directory, 'archive'))), bad: numbersOf(dead) };
}

/** Ships until the process would have died at that change, or to the end; returns the changes made. */
async function shipUntil(directory: string, path: string, at: number): Promise<number> {
  let died = (): void => {};
  const death = new Promise<void>((resolve) => {
    died = resolve;
  });
  const fileSystem = new CrashPoint({ at, crash: () => died() });
  await Promise.race([shipLines({ directory, path, lines: LINES, fileSystem }), death]);
  await fileSystem.closeHandles();
  return fileSystem.changes;
}

async function shipToEnd(directory: string, path: string): Promise<void> {
  await shipLines({ directory, path, lines: LINES, fileSystem: new CrashPoint() });
}

describe('a file sink and dead letters across crashes', () => {
  it.each([
    [SLICES, 1],
    ['audit-{yyyy}{MM}{dd}-{HH}{mm}.ndjson', 2],
    ['{namespace}.ndjson.zst', 3],
  ])(
    'lose no line and double none, wherever in %s the process dies',
    async (path, first) => {
      const changes = await shipUntil(await mkdtemp(join(root, 'whole-')), path, Number.POSITIVE_INFINITY);
      expect(changes).toBeGreaterThan(80);

      for (let at = first; at <= changes; at += STEP) {
        const directory = await mkdtemp(join(root, 'run-'));
        await shipUntil(directory, path, at);
        await shipToEnd(directory, path);

        expect({ at, ...(await arrived(directory)) }).toEqual({ at, good: GOOD, bad: BAD });
        await rm(directory, { recursive: true });
      }
    },
    300_000,
  );

  it('lose no line and double none when it dies again while it recovers', async () => {
    const changes = await shipUntil(await mkdtemp(join(root, 'whole-')), SLICES, Number.POSITIVE_INFINITY);
    for (let first = 5; first <= changes; first += 41) {
      for (const second of [2, 5, 8, 11]) {
        const directory = await mkdtemp(join(root, 'twice-'));
        await shipUntil(directory, SLICES, first);
        await shipUntil(directory, SLICES, second);
        await shipToEnd(directory, SLICES);

        expect({ first, second, ...(await arrived(directory)) }).toEqual({
          first,
          second,
          good: GOOD,
          bad: BAD,
        });
        await rm(directory, { recursive: true });
      }
    }
  }, 300_000);

  it('lose no line and double none when the process is killed with SIGKILL', async () => {
    for (const at of [3, 21, 40, 77, 120]) {
      const directory = await mkdtemp(join(root, 'kill-'));
      const killed = await runNode([CHILD, directory, SLICES, String(LINES.length), String(at)]);
      expect(killed).toMatchObject({ signal: 'SIGKILL', err: '' });
      await shipToEnd(directory, SLICES);

      expect({ at, ...(await arrived(directory)) }).toEqual({ at, good: GOOD, bad: BAD });
    }
  }, 120_000);

  it('leave finished slices under their own names and only the last ones partial', async () => {
    const directory = await mkdtemp(join(root, 'names-'));
    await shipToEnd(directory, SLICES);

    const names = await filesBelow(join(directory, 'archive'));
    const finished = names.filter((name) => !name.endsWith('.partial'));
    expect(finished.length).toBeGreaterThan(5);
    expect(finished).toContain('default/audit-20261121-1000.ndjson.gz');
    expect(names).toContain('kube-system/audit-20261121-1011.ndjson.gz.partial');
  });
});
