import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type StateLock, tryLockStateDirectory } from '../../agent/checkpoint/state-lock.ts';

let directory: string;
const held: StateLock[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lock-'));
});

afterEach(async () => {
  for (const lock of held.splice(0)) await lock.release();
  await rm(directory, { recursive: true });
});

async function attempt(stateDir: string): Promise<string> {
  const result = await tryLockStateDirectory(stateDir);
  if (result.status === 'held') held.push(result.lock);
  return result.status === 'held' ? 'held' : `busy: ${result.holder}`;
}

/** A process of its own that holds the lock until it is killed. */
async function lockInChild(stateDir: string) {
  const module = join(import.meta.dirname, '../../agent/checkpoint/state-lock.ts');
  const script = `
    const { tryLockStateDirectory } = await import(${JSON.stringify(module)});
    const result = await tryLockStateDirectory(${JSON.stringify(stateDir)});
    process.stdout.write(result.status);
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, output: output.toString() };
}

describe('tryLockStateDirectory', () => {
  it('is held by one and names it to the other', async () => {
    expect(await attempt(directory)).toBe('held');
    expect(await attempt(directory)).toMatch(/^busy: process \d+, started 20/);
  });

  it('makes the directory, and can be had again after release', async () => {
    const nested = join(directory, 'a', 'state');
    expect(await attempt(nested)).toBe('held');
    await held.pop()?.release();

    expect(await readdir(nested)).toEqual([]);
    expect(await attempt(nested)).toBe('held');
  });

  it('works where the path is longer than a socket path may be', async () => {
    const long = join(directory, 'x'.repeat(120));
    expect(await attempt(long)).toBe('held');
    expect(await attempt(long)).toMatch(/^busy/);
  });

  it('is free again once its holder was killed', async () => {
    const { child, output } = await lockInChild(directory);
    expect(output).toBe('held');
    expect(await attempt(directory)).toMatch(`busy: process ${child.pid}`);

    child.kill('SIGKILL');
    await once(child, 'exit');

    expect(await attempt(directory)).toBe('held');
  });

  it('goes to one of several who try at once', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => attempt(directory)));

    expect(results.filter((result) => result === 'held')).toHaveLength(1);
  });
});
