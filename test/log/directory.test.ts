import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyFile, mkdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LogDirectory, type LogEntry } from '../../agent/log/directory.ts';
import { eventLine, eventLines, fingerprintOf, LogFiles } from '../support/log-files.ts';

const NEVER = new AbortController().signal;

describe('log directory', () => {
  let log: LogFiles;

  beforeEach(async () => {
    log = await LogFiles.create();
  });

  afterEach(() => log.remove());

  async function list(directory = new LogDirectory(log.path)): Promise<readonly LogEntry[]> {
    const listing = await directory.list(NEVER);
    if (listing.status !== 'listed') throw new Error('the directory does not settle');
    return listing.files;
  }

  function names(files: readonly LogEntry[]): string[] {
    return files.map(({ path }) => basename(path));
  }

  it('orders rotation times and first events on one line of time, the live file last', async () => {
    // eventLine(n) is n seconds after midnight.
    await writeFile(log.at('audit-2026-11-20T00-00-15.000.log'), eventLine(10));
    await writeFile(log.at('audit-2026-11-20T00-00-25.000.log.gz'), gzipSync(eventLine(20)));
    await writeFile(log.at('audit.log.1'), eventLine(16));
    await writeFile(log.at('audit.log-20261120'), eventLine(5));
    await log.append(eventLine(1));

    expect(names(await list())).toEqual([
      'audit.log-20261120',
      'audit-2026-11-20T00-00-15.000.log',
      'audit.log.1',
      'audit-2026-11-20T00-00-25.000.log.gz',
      'audit.log',
    ]);
  });

  it('counts a file, its copy and its archives once, and prefers the one that is written to', async () => {
    await log.append(eventLines(1, 3));
    await copyFile(log.path, log.at('audit.log.1'));
    await writeFile(log.at('audit.log.2.gz'), gzipSync(eventLines(1, 2)));
    expect(names(await list())).toEqual(['audit.log']);

    await rename(log.path, log.at('elsewhere'));
    expect(names(await list())).toEqual(['audit.log.1']);
  });

  it('ignores an archive beside its file, whatever it holds', async () => {
    const backup = log.backupPath();
    await writeFile(backup, eventLine(1));
    await writeFile(`${backup}.gz`, gzipSync(eventLine(1)).subarray(0, 12));

    expect(names(await list())).toEqual([basename(backup)]);
  });

  it('ignores what is no file of the log', async () => {
    await log.append(eventLine(1));
    await mkdir(log.at('audit.log.1'));
    await symlink('/nowhere', log.at('audit.log.2'));
    await writeFile(log.at('other.log'), eventLine(2));

    expect(names(await list())).toEqual(['audit.log']);
  });

  it('sees that a file with the same inode and size begins otherwise', async () => {
    const directory = new LogDirectory(log.path);
    await log.append(eventLine(1));
    await list(directory);
    await writeFile(log.path, eventLine(2));
    // The time of a file moves in steps; a rewrite within one of them is left to the check before bytes are handed out.
    await utimes(log.path, new Date(), new Date(Date.now() + 1_000));
    const [live] = await list(directory);

    expect(live?.identity).toMatchObject({ status: 'line', fingerprint: fingerprintOf(eventLine(2)) });
  });

  it('follows a first line that grows, and begins anew where it is another one', async () => {
    const directory = new LogDirectory(log.path);
    for (const part of ['{"a":', '"b', 'c"}']) {
      await log.append(part);
      expect((await list(directory))[0]?.identity).toMatchObject({ status: 'line', complete: false });
    }
    await log.append('\n');
    expect((await list(directory))[0]?.identity).toMatchObject({
      complete: true,
      fingerprint: fingerprintOf('{"a":"bc"}'),
    });

    await writeFile(log.path, '{"x":');
    await list(directory);
    await writeFile(log.path, '{"y":1}\n');
    expect((await list(directory))[0]?.identity).toMatchObject({ fingerprint: fingerprintOf('{"y":1}') });
  });

  it('rejects where there is no directory', async () => {
    await log.remove();

    await expect(list()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
