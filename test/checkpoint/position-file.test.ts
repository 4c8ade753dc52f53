import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type DurableFileSystem, realFileSystem } from '../../agent/checkpoint/durable-file.ts';
import { PositionFile } from '../../agent/checkpoint/position-file.ts';

const checkpoint = {
  position: { file: { fingerprint: 'ab'.repeat(32), path: '/var/log/audit.log', inode: 42 }, offset: 1234 },
  lastStageMs: 1_763_690_000_000,
  sinkState: { slices: [['a', 7]] },
};

let directory: string;
let path: string;

function positionFile(fileSystem?: DurableFileSystem): PositionFile {
  const nowMs = () => Date.UTC(2026, 10, 21, 12, 0, 0);
  return new PositionFile({
    path,
    log: 'kube-apiserver',
    sink: 'siem',
    nowMs,
    ...(fileSystem && { fileSystem }),
  });
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'position-'));
  path = join(directory, 'position', 'kube-apiserver.siem.json');
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('PositionFile', () => {
  it('is absent before the first write', async () => {
    expect(await positionFile().load()).toEqual({ status: 'absent' });
  });

  it('loads what was written, in a file that only its owner may read', async () => {
    await positionFile().load();
    await positionFile().write(checkpoint);

    expect(await positionFile().load()).toEqual({ status: 'loaded', checkpoint });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(dirname(path))).toEqual(['kube-apiserver.siem.json']);
  });

  it('names version, log, sink and time in plain JSON', async () => {
    await positionFile().load();
    await positionFile().write(checkpoint);

    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
      version: 1,
      log: 'kube-apiserver',
      sink: 'siem',
      position: { fingerprint: 'ab'.repeat(32), path: '/var/log/audit.log', inode: 42, offset: 1234 },
      settledAt: '2026-11-21T12:00:00.000Z',
    });
  });

  it.each([
    ['empty', ''],
    ['cut off', '{"version":1,"position":{"finger'],
    ['NULs after a power cut', '\0'.repeat(300)],
    ['an array', '[]'],
    ['no version', '{"position":{}}'],
    [
      'an offset that is no number',
      `{"version":1,"position":{"fingerprint":"${'ab'.repeat(32)}","path":"/a","inode":1,"offset":"7"}}`,
    ],
    [
      'a negative offset',
      `{"version":1,"position":{"fingerprint":"${'ab'.repeat(32)}","path":"/a","inode":1,"offset":-1}}`,
    ],
    [
      'a short fingerprint',
      '{"version":1,"position":{"fingerprint":"abcd","path":"/a","inode":1,"offset":1}}',
    ],
  ])('sets a corrupt file aside and keeps it: %s', async (_, content) => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);

    const loaded = await positionFile().load();

    expect(loaded).toMatchObject({ status: 'corrupt', setAside: `${path}.corrupt-2026-11-21T12-00-00.000Z` });
    expect(await readFile(`${path}.corrupt-2026-11-21T12-00-00.000Z`, 'utf8')).toBe(content);
    expect(await positionFile().load()).toEqual({ status: 'absent' });
  });

  it('refuses a file of a later program and leaves it where it is', async () => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '{"version":2}');

    await expect(positionFile().load()).rejects.toMatchObject({ code: 'CHECKPOINT_NEWER_VERSION' });
    expect(await readFile(path, 'utf8')).toBe('{"version":2}');
  });

  it.each(['open', 'rename'] as const)('keeps the old checkpoint when %s fails', async (operation) => {
    await positionFile().load();
    await positionFile().write(checkpoint);
    const failing = {
      ...realFileSystem,
      [operation]: () => Promise.reject(new Error('no space left on device')),
    };

    const later = { ...checkpoint, position: { ...checkpoint.position, offset: 9999 } };
    await expect(positionFile(failing).write(later)).rejects.toMatchObject({ code: 'CHECKPOINT_WRITE' });

    expect(await positionFile().load()).toEqual({ status: 'loaded', checkpoint });
  });
});
