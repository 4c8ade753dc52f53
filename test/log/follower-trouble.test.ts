import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, chown, mkdir, open as openFile, rename, rm, symlink, unlink } from 'node:fs/promises';
import type { Following } from '../support/follow.ts';
import { FollowFixture } from '../support/follow-fixture.ts';
import { eventLine, eventLines, type LogFiles } from '../support/log-files.ts';

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

describe('log follower, where the log cannot be reached', () => {
  let fixture: FollowFixture;
  let log: LogFiles;

  beforeEach(async () => {
    fixture = await FollowFixture.create();
    log = fixture.log;
  });

  afterEach(() => fixture.close());

  it('reads an unlinked live file on and repeats that it is unlinked until the path exists again', async () => {
    await log.append(eventLine(1));
    const following = await fixture.follow();
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
    const following = await fixture.follow();
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
    const first = await fixture.follow();
    await first.untilIdle();
    await rename(log.directory, `${log.directory}-away`);
    const second = await fixture.restart(first);
    await second.forMs(20_000);
    await rename(`${log.directory}-away`, log.directory);
    await log.append(eventLine(3));
    await second.forMs(1_000);

    expect(second.text()).toBe(eventLine(3));
    expect(second.gaps).toEqual([]);
  });

  it('reports a directory in place of the file and goes on when it is replaced', async () => {
    await mkdir(log.path);
    const following = await fixture.follow();
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
    const following = await fixture.follow();
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
    const first = await fixture.follow();
    await first.untilIdle();
    if (process.geteuid?.() === 0) await chown(log.directory, NOBODY, NOBODY);
    await chmod(log.path, process.geteuid?.() === 0 ? 0o600 : 0);
    const second = await fixture.restart(first);
    await asNobody(() => second.forMs(20_000));
    await log.append(eventLine(3));
    await second.forMs(2_000);

    expect(second.text()).toBe(eventLine(3));
    expect(second.gaps).toEqual([]);
  });

  it('says that the file after a rotation cannot be read, and reads it once it can', async () => {
    await log.append(eventLine(1));
    const following = await fixture.follow();
    await following.untilIdle();
    await log.rotate();
    await log.append(eventLine(2));
    if (process.geteuid?.() === 0) await chown(log.directory, NOBODY, NOBODY);
    await chmod(log.path, process.geteuid?.() === 0 ? 0o600 : 0);
    await asNobody(() => following.forMs(5_000));
    expect(following.emitted('log-unreadable')).toMatchObject([{ path: log.path, code: 'LOG_PERMISSION' }]);
    expect(following.follower.readable()).toBe(false);

    await chmod(log.path, 0o644);
    await asNobody(() => following.forMs(5_000));
    expect(following.text()).toBe(eventLines(1, 2));
    expect(following.follower.readable()).toBe(true);
  });

  it('reports a file that cannot be read, and tries again at growing intervals', async () => {
    // Reading the memory of a process at 0 fails with EIO.
    await symlink('/proc/self/mem', log.path);
    const following = await fixture.follow();
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

  it('follows a symbolic link to the file and through the directory', async () => {
    await log.append(eventLine(1));
    await log.rotate();
    await log.append(eventLine(2));
    await mkdir(log.at('links'));
    await symlink(log.path, log.at('links/current.log'));
    await symlink(log.directory, log.at('links/directory'));
    const both: Following[] = [];
    for (const path of [log.at('links/current.log'), log.at('links/directory/audit.log')]) {
      const following = await fixture.follow({}, path);
      both.push(following);
      await following.untilIdle();
      expect(following.text()).toBe(eventLines(1, 2));
    }
    await log.rotate();
    await log.append(eventLine(3));
    for (const following of both) {
      await following.untilIdle();
      expect(following.text()).toBe(eventLines(1, 3));
    }
  });
});
