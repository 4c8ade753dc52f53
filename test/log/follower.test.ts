import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  chmod,
  chown,
  mkdir,
  open as openFile,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { resolveLogStart } from '../../agent/log/start.ts';
import { ByteBudget } from '../../agent/memory/byte-budget.ts';
import { Following } from '../support/follow.ts';
import { eventLine, eventLines, fingerprintOf, LogFiles } from '../support/log-files.ts';

const NEVER = new AbortController().signal;
const NOBODY = 65_534;

/** Runs as somebody who may not read everything, where the tests themselves may. */
async function asNobody(run: () => Promise<void>): Promise<void> {
  const { geteuid, seteuid } = process;
  const user = geteuid?.();
  if (user !== 0 || seteuid === undefined) return run();
  seteuid(NOBODY);
  try {
    await run();
  } finally {
    seteuid(user);
  }
}

describe('log follower', () => {
  let log: LogFiles;
  let open: Following[] = [];

  beforeEach(async () => {
    log = await LogFiles.create();
    open = [];
  });

  afterEach(async () => {
    for (const following of open) await following.close();
    await log.remove();
  });

  async function follow(options: Parameters<typeof Following.start>[1] = {}): Promise<Following> {
    const following = await Following.start(log.path, options);
    open.push(following);
    return following;
  }

  /** Stops and starts at the position of what was delivered. */
  async function restart(following: Following): Promise<Following> {
    await following.close();
    open.splice(open.indexOf(following), 1);
    return follow({ start: following.position });
  }

  it('hands out whole lines with their offsets and the fingerprint of the first line', async () => {
    await log.append(eventLines(1, 3));
    const following = await follow();
    await following.untilIdle();
    await log.append(eventLine(4));
    await following.untilIdle();

    expect(following.text()).toBe(eventLines(1, 4));
    expect(following.delivered.map(({ offset }) => offset)).toEqual([0, eventLines(1, 3).length]);
    expect(following.delivered[1]?.fingerprint).toBe(fingerprintOf(eventLine(1)));
  });

  it('waits for the rest of the last line of the live file', async () => {
    await log.append(eventLine(1) + eventLine(2).slice(0, 20));
    const following = await follow();
    await following.forMs(20_000);
    expect(following.text()).toBe(eventLine(1));

    await log.append(eventLine(2).slice(20));
    await following.forMs(1_000);
    expect(following.text()).toBe(eventLines(1, 2));
    expect(following.kinds()).toEqual(['lines', 'lines']);
  });

  it('reads a renamed file to its end before the new one', async () => {
    await log.append(eventLines(1, 2));
    const following = await follow();
    await following.untilIdle();
    await log.append(eventLine(3));
    await log.rotate();
    await log.append(eventLine(4));
    await following.untilIdle();

    expect(following.text()).toBe(eventLines(1, 4));
    expect(following.delivered.at(-1)?.fingerprint).toBe(fingerprintOf(eventLine(4)));
  });

  it('reads what was rotated several times between two looks, oldest first', async () => {
    await log.append(eventLine(1));
    const following = await follow();
    await following.untilIdle();
    for (let i = 2; i < 6; i += 1) {
      await log.rotate();
      await log.append(eventLine(i));
    }
    await following.untilIdle();

    expect(following.text()).toBe(eventLines(1, 5));
  });

  it('reads all backups that were made while it was stopped', async () => {
    await log.append(eventLines(1, 2));
    let following = await follow();
    await following.untilIdle();
    const before = following.text();
    await following.close();
    await log.append(eventLine(3));
    await log.compress(await log.rotate());
    await log.append(eventLine(4));
    await log.rotate();
    await log.append(eventLine(5));
    following = await restart(following);
    await following.untilIdle();

    expect(before + following.text()).toBe(eventLines(1, 5));
    expect(following.gaps).toEqual([]);
  });

  it('goes on inside the archive at the same offset when the file was compressed', async () => {
    await log.append(eventLines(1, 100));
    const first = await follow({ chunkBytes: 1024 });
    await first.step();
    await log.compress(await log.rotate());
    await log.append(eventLine(101));
    const second = await restart(first);
    await second.untilIdle();

    expect(first.text() + second.text()).toBe(eventLines(1, 101));
    expect(second.delivered[0]?.fingerprint).toBe(fingerprintOf(eventLine(1)));
    expect(second.delivered[0]?.offset).toBe(first.text().length);
  });

  it('leaves an archive alone that grows beside the file it is made of', async () => {
    await log.append(eventLines(1, 50));
    const backup = await log.rotate();
    await log.append(eventLine(51));
    const archive = gzipSync(await readFile(backup));
    await writeFile(`${backup}.gz`, archive.subarray(0, 100));
    const following = await follow();
    await following.forMs(2_000);
    await writeFile(`${backup}.gz`, archive);
    await unlink(backup);
    await following.forMs(10_000);

    expect(following.text()).toBe(eventLines(1, 51));
    expect(following.gaps).toEqual([]);
  });

  it('waits for an archive that is still growing when the file it is made of is gone', async () => {
    await log.append(eventLines(1, 2_000));
    const backup = await log.rotate();
    await log.append(eventLine(2_001));
    const archive = gzipSync(await readFile(backup));
    await unlink(backup);
    await writeFile(`${backup}.gz`, archive.subarray(0, archive.length / 2));
    const following = await follow();
    await following.forMs(2_000);
    expect(following.text().length).toBeGreaterThan(0);
    await writeFile(`${backup}.gz`, archive);
    await following.forMs(10_000);

    expect(following.text()).toBe(eventLines(1, 2_001));
    expect(following.gaps).toEqual([]);
  });

  it('ships what decompresses of an archive that stays cut, and says that the rest is lost', async () => {
    await log.append(eventLines(1, 2_000));
    const backup = await log.rotate();
    await log.append(eventLine(2_001));
    const archive = gzipSync(await readFile(backup));
    await unlink(backup);
    await writeFile(`${backup}.gz`, archive.subarray(0, archive.length / 2));
    const following = await follow();
    await following.forMs(12_000);

    const lines = following.delivered.filter(({ kind }) => kind === 'lines');
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(eventLines(1, 2_000).startsWith(following.text().slice(0, -eventLine(2_001).length))).toBe(true);
    expect(following.text().endsWith(eventLine(2_001))).toBe(true);
    expect(following.gaps).toMatchObject([
      { reason: 'damaged-archive', file: { fingerprint: fingerprintOf(eventLine(1)) } },
    ]);
  });

  it('says that an archive is lost of which nothing decompresses', async () => {
    await writeFile(`${log.backupPath()}.gz`, 'this is no archive at all');
    await log.append(eventLine(1));
    const following = await follow();
    await following.forMs(12_000);

    expect(following.text()).toBe(eventLine(1));
    expect(following.gaps).toMatchObject([{ reason: 'damaged-archive', offset: 0 }]);
  });

  it('reads an archive of several members', async () => {
    const archive = Buffer.concat([gzipSync(eventLines(1, 2)), gzipSync(eventLines(3, 2))]);
    await writeFile(`${log.backupPath()}.gz`, archive);
    await log.append(eventLine(5));
    const following = await follow();
    await following.untilIdle();

    expect(following.text()).toBe(eventLines(1, 5));
  });

  it('reads on from the open descriptor when its file is deleted', async () => {
    await log.append(eventLines(1, 100));
    const following = await follow({ chunkBytes: 1024 });
    await following.step();
    const backup = await log.rotate();
    await log.append(eventLine(101));
    await unlink(backup);
    await following.forMs(10_000);

    expect(following.text()).toBe(eventLines(1, 101));
    expect(following.gaps).toEqual([]);
  });

  it('says which file was deleted before its turn, and how much of it', async () => {
    await log.append(eventLines(1, 100));
    await log.rotate();
    await log.append(eventLines(101, 5));
    const doomed = await log.rotate();
    await log.append(eventLine(106));
    const following = await follow({ chunkBytes: 1024 });
    await following.step();
    await unlink(doomed);
    await following.forMs(2_000);

    expect(following.text()).toBe(eventLines(1, 100) + eventLine(106));
    expect(following.gaps).toEqual([
      {
        reason: 'file-deleted',
        file: expect.objectContaining({ fingerprint: fingerprintOf(eventLine(101)), path: doomed }),
        offset: 0,
        unreadBytes: eventLines(101, 5).length,
      },
    ]);
  });

  it('says that the file of its position is gone, and reads every retained file that may be newer', async () => {
    await log.append(eventLines(1, 2));
    const first = await follow();
    await first.untilIdle();
    await first.close();
    await unlink(await log.rotate());
    await log.append(eventLine(3));
    await log.rotate();
    await log.append(eventLine(4));
    const second = await restart(first);
    await second.untilIdle();

    expect(second.text()).toBe(eventLines(3, 2));
    expect(second.gaps).toMatchObject([
      { reason: 'file-deleted', file: { fingerprint: fingerprintOf(eventLine(1)) }, unreadBytes: undefined },
    ]);
  });

  it('does not read what is older than a deleted file whose rotation time is known', async () => {
    await log.append(eventLine(1));
    await log.rotate();
    await log.append(eventLines(2, 2));
    const doomed = await log.rotate();
    await log.append(eventLine(4));
    const file = { fingerprint: fingerprintOf(eventLine(2)), path: doomed, inode: 1 };
    await unlink(doomed);
    const following = await follow({ start: { file, offset: 10 } });
    await following.untilIdle();

    expect(following.text()).toBe(eventLine(4));
    expect(following.gaps).toHaveLength(1);
  });

  it('goes on in the copy that copytruncate made, then behind the run of NULs', async () => {
    await log.append(eventLines(1, 10));
    const following = await follow({ chunkBytes: 256 });
    await following.step();
    await log.copyTruncate(log.at('audit.log.1'));
    const oldOffset = eventLines(1, 10).length;
    await log.append(Buffer.alloc(oldOffset));
    await log.append(eventLines(11, 2));
    await following.forMs(10_000);

    expect(following.text().replaceAll('\0', '')).toBe(eventLines(1, 12));
    expect(following.delivered.at(-1)?.fingerprint).toBe(fingerprintOf(eventLine(11)));
    expect(following.gaps).toEqual([]);
  });

  it('passes over a run of NULs longer than its buffer without taking it for a line', async () => {
    await log.append(Buffer.alloc(5_000));
    await log.append(eventLines(1, 2));
    const following = await follow({ chunkBytes: 1024, maxLineBytes: 2_000 });
    await following.untilIdle();

    expect(following.text().replaceAll('\0', '')).toBe(eventLines(1, 2));
    const [first] = following.delivered;
    expect(first?.fingerprint).toBe(fingerprintOf(eventLine(1)));
    expect((first?.offset ?? 0) + following.text().indexOf('{')).toBe(5_000);
  });

  it('notices a file that was truncated and has grown beyond the offset between two looks', async () => {
    await log.append(eventLines(1, 3));
    const following = await follow();
    await following.untilIdle();
    await truncate(log.path, 0);
    await log.append(eventLines(11, 50));
    await following.forMs(2_000);

    expect(following.text()).toBe(eventLines(1, 3) + eventLines(11, 50));
    expect(following.delivered.at(-1)).toMatchObject({
      fingerprint: fingerprintOf(eventLine(11)),
      offset: 0,
    });
    expect(following.gaps).toMatchObject([
      { reason: 'truncated', file: { fingerprint: fingerprintOf(eventLine(1)) }, unreadBytes: 0 },
    ]);
  });

  it('tells how many unread bytes a truncation took', async () => {
    await log.append(eventLines(1, 100));
    const following = await follow({ chunkBytes: 1024 });
    await following.step();
    const read = following.text().length;
    await truncate(log.path, 0);
    await log.append(eventLine(200));
    await following.forMs(2_000);

    expect(following.text().slice(read)).toBe(eventLine(200));
    expect(following.gaps).toMatchObject([
      { reason: 'truncated', offset: read, unreadBytes: eventLines(1, 100).length - read },
    ]);
  });

  it('goes on after a file was cut behind its first line', async () => {
    await log.append(eventLines(1, 3));
    const following = await follow();
    await following.untilIdle();
    await truncate(log.path, eventLines(1, 2).length);
    await following.forMs(1_000);
    await log.append(eventLine(9));
    await following.forMs(1_000);

    expect(following.text()).toBe(eventLines(1, 3) + eventLine(9));
    expect(following.delivered.at(-1)?.offset).toBe(eventLines(1, 2).length);
    expect(following.gaps).toMatchObject([{ reason: 'truncated' }]);
  });

  it('reads a renamed file as long as it is written to', async () => {
    await log.append(eventLines(1, 2));
    const following = await follow();
    await following.untilIdle();
    const renamed = log.at('audit.log.1');
    await rename(log.path, renamed);
    await writeFile(log.path, '');
    for (let i = 3; i < 8; i += 1) {
      await log.append(eventLine(i), renamed);
      await following.forMs(3_000);
    }
    expect(following.text()).toBe(eventLines(1, 7));

    await log.append(eventLine(8));
    await following.forMs(1_000);
    await log.append(eventLine(9), renamed);
    await following.forMs(10_000);
    expect(following.text()).toBe(eventLines(1, 7) + eventLine(9) + eventLine(8));
  });

  it('reads what is written to a renamed file after it has moved on, also by a new name', async () => {
    await log.append(eventLine(1));
    const following = await follow();
    await following.untilIdle();
    await rename(log.path, log.at('audit.log.1'));
    await log.append(eventLine(2));
    await following.forMs(10_000);
    expect(following.text()).toBe(eventLines(1, 2));

    await rename(log.at('audit.log.1'), log.at('audit.log.2'));
    await log.append(eventLine(3) + eventLine(4).slice(0, 9), log.at('audit.log.2'));
    await following.forMs(10_000);
    await log.append(eventLine(5));
    await following.forMs(10_000);

    expect(following.text()).toBe(eventLines(1, 3) + eventLine(4).slice(0, 9) + eventLine(5));
    expect(following.kinds().filter((kind) => kind === 'incomplete-line')).toHaveLength(1);
    expect(following.gaps).toEqual([]);
  });

  it('orders backups without a time in their name by the time of their first event', async () => {
    await log.append(eventLine(1), log.at('audit.log.10'));
    await writeFile(log.at('audit.log.2.gz'), gzipSync(eventLine(2)));
    await log.append(eventLine(3), log.at('audit.log-20261121'));
    await log.append(eventLine(4));
    const following = await follow();
    await following.forMs(20_000);

    expect(following.text()).toBe(eventLines(1, 4));
  });

  it('hands out the last line of a finished file without a line feed', async () => {
    await log.append(eventLine(1) + eventLine(2).slice(0, -1));
    await log.rotate();
    await log.append(eventLine(3));
    const following = await follow();
    await following.forMs(10_000);

    expect(following.kinds()).toEqual(['lines', 'incomplete-line', 'lines']);
    expect(following.text()).toBe(eventLine(1) + eventLine(2).slice(0, -1) + eventLine(3));
  });

  it('hands out a backup that holds nothing but a torn line', async () => {
    await log.append(eventLine(1).slice(0, 30));
    await log.rotate();
    await log.append(eventLine(2));
    const following = await follow();
    await following.forMs(10_000);

    expect(following.kinds()).toEqual(['incomplete-line', 'lines']);
    const again = await restart(following);
    await again.forMs(10_000);
    expect(again.kinds()).toEqual([]);
  });

  it('reads an unlinked live file on and repeats that it is unlinked until the path exists again', async () => {
    await log.append(eventLine(1));
    const following = await follow();
    await following.untilIdle();
    const handle = await openFile(log.path, 'a');
    await unlink(log.path);
    await following.forMs(1_000);
    await handle.appendFile(eventLine(2));
    await following.forMs(100_000);
    expect(following.text()).toBe(eventLines(1, 2));
    expect(following.emitted('live-file-unlinked')).toHaveLength(2);
    expect(following.gaps).toMatchObject([{ reason: 'unlinked' }]);

    await handle.appendFile(eventLine(3));
    await handle.close();
    await log.append(eventLine(4));
    await following.forMs(70_000);
    expect(following.text()).toBe(eventLines(1, 4));
    expect(following.emitted('live-file-unlinked')).toHaveLength(2);
  });

  it('waits for a file and a directory that are not there yet', async () => {
    await rm(log.directory, { recursive: true });
    const following = await follow();
    await following.forMs(3_000);
    expect(following.follower.readable()).toBe(false);
    expect(following.emitted('log-unreadable')).toMatchObject([{ code: 'LOG_MISSING' }]);

    await mkdir(log.directory);
    await following.forMs(1_000);
    await log.append(eventLine(1));
    await following.forMs(1_000);
    expect(following.text()).toBe(eventLine(1));
    expect(following.follower.readable()).toBe(true);
  });

  it('waits at its position while the directory is missing, and says no gap', async () => {
    await log.append(eventLines(1, 2));
    const first = await follow();
    await first.untilIdle();
    await rename(log.directory, `${log.directory}-away`);
    const second = await restart(first);
    await second.forMs(20_000);
    await rename(`${log.directory}-away`, log.directory);
    await log.append(eventLine(3));
    await second.forMs(1_000);

    expect(second.text()).toBe(eventLine(3));
    expect(second.gaps).toEqual([]);
  });

  it('reports a directory in place of the file and goes on when it is replaced', async () => {
    await mkdir(log.path);
    const following = await follow();
    await following.forMs(2_000);
    expect(following.emitted('log-unreadable')).toMatchObject([{ code: 'LOG_NOT_A_FILE' }]);
    expect(following.follower.readable()).toBe(false);

    await rm(log.path, { recursive: true });
    await log.append(eventLine(1));
    await following.forMs(2_000);
    expect(following.text()).toBe(eventLine(1));
    expect(following.emitted('log-readable-again')).toHaveLength(1);
  });

  it('waits for a permission that is granted later', async () => {
    await log.append(eventLine(1));
    if (process.geteuid?.() === 0) await chown(log.directory, NOBODY, NOBODY);
    await chmod(log.path, process.geteuid?.() === 0 ? 0o600 : 0);
    const following = await follow();
    await asNobody(() => following.forMs(2_000));
    expect(following.emitted('log-unreadable')).toMatchObject([{ path: log.path, code: 'LOG_PERMISSION' }]);
    expect(following.follower.readable()).toBe(false);

    await chmod(log.path, 0o644);
    await asNobody(() => following.forMs(2_000));
    expect(following.text()).toBe(eventLine(1));
    expect(following.follower.readable()).toBe(true);
  });

  it('waits for the permission to read the file of its position, and says no gap', async () => {
    await log.append(eventLines(1, 2));
    const first = await follow();
    await first.untilIdle();
    if (process.geteuid?.() === 0) await chown(log.directory, NOBODY, NOBODY);
    await chmod(log.path, process.geteuid?.() === 0 ? 0o600 : 0);
    const second = await restart(first);
    await asNobody(() => second.forMs(20_000));
    await log.append(eventLine(3));
    await second.forMs(2_000);

    expect(second.text()).toBe(eventLine(3));
    expect(second.gaps).toEqual([]);
  });

  it('reports a file that cannot be read, and tries again at growing intervals', async () => {
    // Reading the memory of a process at 0 fails with EIO.
    await symlink('/proc/self/mem', log.path);
    const following = await follow();
    for (let i = 0; i < 40; i += 1) {
      expect(await following.step()).toBe('idle');
      following.clock.advance(250);
    }
    expect(following.emitted('log-unreadable')).toMatchObject([{ code: 'LOG_IO' }]);

    await unlink(log.path);
    await log.append(eventLine(1));
    await following.forMs(6_000);
    expect(following.text()).toBe(eventLine(1));
  });

  it('reads a torn line again after a quiet time in which its read buffer was given back', async () => {
    await log.append(eventLine(1) + eventLine(2).slice(0, 20));
    const following = await follow();
    await following.forMs(10_000);
    await log.append(eventLine(2).slice(20));
    await log.rotate();
    await log.append(eventLine(3));
    await following.forMs(10_000);

    expect(following.text()).toBe(eventLines(1, 3));
    expect(following.kinds()).toEqual(['lines', 'lines', 'lines']);
  });

  it('keeps a torn line for its dead letter when the file is renamed in a quiet time', async () => {
    await log.append(eventLine(1) + eventLine(2).slice(0, 20));
    const following = await follow();
    await following.forMs(10_000);
    await log.rotate();
    await log.append(eventLine(3));
    await following.forMs(10_000);

    expect(following.kinds()).toEqual(['lines', 'incomplete-line', 'lines']);
    expect(following.text()).toBe(eventLine(1) + eventLine(2).slice(0, 20) + eventLine(3));
  });

  it('returns at once from a wait when something is there, and when it is told to stop', async () => {
    await log.append(eventLine(1));
    const following = await follow();
    await following.untilIdle();
    await following.follower.wait(250, NEVER);
    const before = following.clock.monotonicMs();
    await log.append(eventLine(2));
    await following.follower.wait(60_000, NEVER);
    expect(following.clock.monotonicMs() - before).toBeLessThanOrEqual(250);

    await following.follower.wait(60_000, AbortSignal.abort());
    expect(following.clock.monotonicMs() - before).toBeLessThanOrEqual(250);
  });

  it('hands out nothing more when the signal has aborted, and goes on where it was', async () => {
    await log.append(eventLines(1, 3));
    const following = await follow();
    expect(await following.follower.next(AbortSignal.abort())).toEqual({ status: 'idle' });
    await following.untilIdle();

    expect(following.text()).toBe(eventLines(1, 3));
  });

  it('waits for memory for a long line until others have given theirs back', async () => {
    await log.append(eventLine(1, 300_000));
    const budget = new ByteBudget(400_000);
    const lease = budget.tryAcquire(200_000);
    const following = await follow({ chunkBytes: 4_096, budget });
    const step = following.step();
    lease?.release();

    expect(await step).toBe('lines');
    expect(following.text()).toBe(eventLine(1, 300_000));
  });

  it('follows a symbolic link to the file and through the directory', async () => {
    await log.append(eventLine(1));
    await log.rotate();
    await log.append(eventLine(2));
    await mkdir(log.at('links'));
    await symlink(log.path, log.at('links/current.log'));
    await symlink(log.directory, log.at('links/directory'));
    for (const path of [log.at('links/current.log'), log.at('links/directory/audit.log')]) {
      const following = await Following.start(path);
      open.push(following);
      await following.untilIdle();
      expect(following.text()).toBe(eventLines(1, 2));
    }
    await log.rotate();
    await log.append(eventLine(3));
    for (const following of open) {
      await following.untilIdle();
      expect(following.text()).toBe(eventLines(1, 3));
    }
  });

  it('takes a file with the same inode number for another one when it begins otherwise', async () => {
    await log.append(eventLines(1, 2));
    const first = await follow();
    await first.untilIdle();
    await first.close();
    await writeFile(log.path, eventLines(11, 5));
    const second = await restart(first);
    await second.forMs(1_000);

    expect(second.text()).toBe(eventLines(11, 5));
    expect(second.gaps).toMatchObject([{ reason: 'file-deleted' }]);
  });

  it('measures a long line before it takes memory for it, and gives the memory back', async () => {
    const long = eventLine(2, 300_000);
    await log.append(eventLine(1) + long + eventLine(3));
    const budget = new ByteBudget(400_000);
    const following = await follow({ chunkBytes: 4_096, budget });
    expect(await following.step()).toBe('lines');
    expect(await following.step()).toBe('lines');
    expect(budget.usedBytes).toBe(long.length);
    await following.untilIdle();

    expect(following.text()).toBe(eventLine(1) + long + eventLine(3));
    expect(budget.usedBytes).toBe(0);
  });

  it('reads long lines of an archive', async () => {
    const content =
      eventLine(1) + eventLine(2, 200_000) + eventLine(3) + eventLine(4, 300_000) + eventLine(5);
    await writeFile(`${log.backupPath()}.gz`, gzipSync(content));
    await log.append(eventLine(6));
    const following = await follow({ chunkBytes: 4_096 });
    await following.untilIdle();

    expect(following.text()).toBe(content + eventLine(6));
  });

  it('tells the range of a line that is too long and goes on behind it', async () => {
    const long = eventLine(2, 50_000);
    const content = eventLine(1) + long + eventLine(3);
    await log.append(content);
    await writeFile(`${log.backupPath()}.gz`, gzipSync(content.replaceAll('kind', 'sort')));
    const following = await follow({ chunkBytes: 4_096, maxLineBytes: 50_000 });
    await following.untilIdle();

    const start = eventLine(1).length;
    const range = { kind: 'oversize-line', offset: start, endOffset: start + long.length };
    expect(following.delivered.filter(({ kind }) => kind === 'oversize-line')).toMatchObject([range, range]);
    expect(following.text()).toBe(
      (eventLine(1) + eventLine(3)).replaceAll('kind', 'sort') + eventLine(1) + eventLine(3),
    );
  });

  it('starts after the last line feed where the end is chosen', async () => {
    await log.append(eventLine(1));
    await log.rotate();
    await log.append(eventLine(2) + eventLine(3).slice(0, 10));
    const chosen = await resolveLogStart(
      { path: log.path, startAt: 'end', clock: (await follow()).clock },
      NEVER,
    );
    await log.append(eventLine(3).slice(10));
    const start = chosen.status === 'position' ? chosen.position : undefined;
    const following = await follow({ start, startAt: 'end' });
    await following.forMs(1_000);

    expect(start?.offset).toBe(eventLine(2).length);
    expect(following.text()).toBe(eventLine(3));
  });

  it('reads what comes after an empty live file where the end is chosen', async () => {
    await log.append(eventLine(1));
    await log.compress(await log.rotate());
    const following = await follow({ startAt: 'end' });
    await following.forMs(1_000);
    await log.append(eventLine(2));
    await following.forMs(1_000);

    expect(following.text()).toBe(eventLine(2));
  });

  it('knows how far it is behind', async () => {
    await log.append(eventLines(1, 100));
    await log.rotate();
    await log.append(eventLines(101, 10));
    const following = await follow({ chunkBytes: 1024 });
    await following.step();
    const total = eventLines(1, 110).length;
    expect(following.follower.lag()).toMatchObject({ bytes: total - following.text().length, files: 2 });

    await following.untilIdle();
    expect(following.follower.lag()).toMatchObject({ bytes: 0, files: 0 });
  });
});
