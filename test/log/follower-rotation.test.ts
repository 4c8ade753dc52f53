import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { FollowFixture } from '../support/follow-fixture.ts';
import { eventLine, eventLines, fingerprintOf, type LogFiles } from '../support/log-files.ts';

describe('log follower, as files are renamed, compressed and deleted', () => {
  let fixture: FollowFixture;
  let log: LogFiles;

  beforeEach(async () => {
    fixture = await FollowFixture.create();
    log = fixture.log;
  });

  afterEach(() => fixture.close());

  it('reads a renamed file to its end before the new one', async () => {
    await log.append(eventLines(1, 2));
    const following = await fixture.follow();
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
    const following = await fixture.follow();
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
    let following = await fixture.follow();
    await following.untilIdle();
    const before = following.text();
    await following.close();
    await log.append(eventLine(3));
    await log.compress(await log.rotate());
    await log.append(eventLine(4));
    await log.rotate();
    await log.append(eventLine(5));
    following = await fixture.restart(following);
    await following.untilIdle();

    expect(before + following.text()).toBe(eventLines(1, 5));
    expect(following.gaps).toEqual([]);
  });

  it('goes on inside the archive at the same offset when the file was compressed', async () => {
    await log.append(eventLines(1, 100));
    const first = await fixture.follow({ chunkBytes: 1024 });
    await first.step();
    await log.compress(await log.rotate());
    await log.append(eventLine(101));
    const second = await fixture.restart(first);
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
    const following = await fixture.follow();
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
    const following = await fixture.follow();
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
    const following = await fixture.follow();
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
    const following = await fixture.follow();
    await following.forMs(12_000);

    expect(following.text()).toBe(eventLine(1));
    expect(following.gaps).toMatchObject([{ reason: 'damaged-archive', offset: 0 }]);
  });

  it('reads an archive of several members', async () => {
    const archive = Buffer.concat([gzipSync(eventLines(1, 2)), gzipSync(eventLines(3, 2))]);
    await writeFile(`${log.backupPath()}.gz`, archive);
    await log.append(eventLine(5));
    const following = await fixture.follow();
    await following.untilIdle();

    expect(following.text()).toBe(eventLines(1, 5));
  });

  it('reads on from the open descriptor when its file is deleted', async () => {
    await log.append(eventLines(1, 100));
    const following = await fixture.follow({ chunkBytes: 1024 });
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
    const following = await fixture.follow({ chunkBytes: 1024 });
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

  it('reads a file that was missed for a while and has come back', async () => {
    await log.append(eventLines(1, 100));
    await log.rotate();
    await log.append(eventLine(101));
    const away = await log.rotate();
    await log.append(eventLine(102));
    const following = await fixture.follow({ chunkBytes: 1024 });
    await following.step();
    await rename(away, log.at('elsewhere'));
    await following.forMs(2_000);
    expect(following.gaps).toHaveLength(1);
    await rename(log.at('elsewhere'), away);
    await log.rotate();
    await log.append(eventLine(103));
    await following.forMs(2_000);

    expect(following.text()).toBe(eventLines(1, 100) + eventLine(102) + eventLine(101) + eventLine(103));
    expect(following.gaps).toHaveLength(1);
  });

  it('says that the file of its position is gone, and reads every retained file that may be newer', async () => {
    await log.append(eventLines(1, 2));
    const first = await fixture.follow();
    await first.untilIdle();
    await first.close();
    await unlink(await log.rotate());
    await log.append(eventLine(3));
    await log.rotate();
    await log.append(eventLine(4));
    const second = await fixture.restart(first);
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
    const following = await fixture.follow({ start: { file, offset: 10 } });
    await following.untilIdle();

    expect(following.text()).toBe(eventLine(4));
    expect(following.gaps).toHaveLength(1);
  });

  it('reads a renamed file as long as it is written to', async () => {
    await log.append(eventLines(1, 2));
    const following = await fixture.follow();
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
    const following = await fixture.follow();
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
    const following = await fixture.follow();
    await following.forMs(20_000);

    expect(following.text()).toBe(eventLines(1, 4));
  });

  it('hands out the last line of a finished file without a line feed', async () => {
    await log.append(eventLine(1) + eventLine(2).slice(0, -1));
    await log.rotate();
    await log.append(eventLine(3));
    const following = await fixture.follow();
    await following.forMs(10_000);

    expect(following.kinds()).toEqual(['lines', 'incomplete-line', 'lines']);
    expect(following.text()).toBe(eventLine(1) + eventLine(2).slice(0, -1) + eventLine(3));
  });

  it('hands out a backup that holds nothing but a torn line', async () => {
    await log.append(eventLine(1).slice(0, 30));
    await log.rotate();
    await log.append(eventLine(2));
    const following = await fixture.follow();
    await following.forMs(10_000);

    expect(following.kinds()).toEqual(['incomplete-line', 'lines']);
    const again = await fixture.restart(following);
    await again.forMs(10_000);
    expect(again.kinds()).toEqual([]);
  });

  it('keeps a torn line for its dead letter when the file is renamed in a quiet time', async () => {
    await log.append(eventLine(1) + eventLine(2).slice(0, 20));
    const following = await fixture.follow();
    await following.forMs(10_000);
    await log.rotate();
    await log.append(eventLine(3));
    await following.forMs(10_000);

    expect(following.kinds()).toEqual(['lines', 'incomplete-line', 'lines']);
    expect(following.text()).toBe(eventLine(1) + eventLine(2).slice(0, 20) + eventLine(3));
  });

  it('reads long lines of an archive', async () => {
    const content =
      eventLine(1) + eventLine(2, 200_000) + eventLine(3) + eventLine(4, 300_000) + eventLine(5);
    await writeFile(`${log.backupPath()}.gz`, gzipSync(content));
    await log.append(eventLine(6));
    const following = await fixture.follow({ chunkBytes: 4_096 });
    await following.untilIdle();

    expect(following.text()).toBe(content + eventLine(6));
  });

  it('says that a file is not read which begins with the same line as another one', async () => {
    const backup = join(dirname(log.path), 'audit-2026-11-20T17-03-00.123.log');
    await writeFile(backup, eventLine(1) + eventLine(2));
    await log.append(eventLine(1) + eventLine(3));

    const following = await fixture.follow();
    await following.untilIdle();
    await following.forMs(5_000);

    expect(following.text()).toBe(eventLine(1) + eventLine(3));
    expect(following.gaps).toMatchObject([
      { reason: 'look-alike', file: { path: backup }, unreadBytes: expect.any(Number) },
    ]);
  });

  it('takes a copy of a file for the file itself', async () => {
    await log.append(eventLine(1) + eventLine(2));
    await writeFile(join(dirname(log.path), 'audit.log.1'), eventLine(1) + eventLine(2));
    await log.append(eventLine(3));

    const following = await fixture.follow();
    await following.untilIdle();
    await following.forMs(5_000);

    expect(following.text()).toBe(eventLines(1, 3));
    expect(following.gaps).toEqual([]);
  });
});
