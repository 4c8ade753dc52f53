import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { truncate, writeFile } from 'node:fs/promises';
import { FollowFixture } from '../support/follow-fixture.ts';
import { eventLine, eventLines, fingerprintOf, type LogFiles } from '../support/log-files.ts';

describe('log follower, as files change under it', () => {
  let fixture: FollowFixture;
  let log: LogFiles;

  beforeEach(async () => {
    fixture = await FollowFixture.create();
    log = fixture.log;
  });

  afterEach(() => fixture.close());

  it('goes on in the copy that copytruncate made, then behind the run of NULs', async () => {
    await log.append(eventLines(1, 10));
    const following = await fixture.follow({ chunkBytes: 256 });
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

  it('does not take the hole that copytruncate leaves for a part of the file it was reading', async () => {
    await log.append(eventLines(1, 10));
    const following = await fixture.follow({ chunkBytes: 1_024 });
    await following.untilIdle();
    await log.append(eventLines(11, 30));
    await log.copyTruncate(log.at('audit.log.1'));
    await log.append(Buffer.alloc(eventLines(1, 40).length));
    await log.append(eventLine(41));
    await following.forMs(10_000);

    expect(following.text().replaceAll('\0', '')).toBe(eventLines(1, 41));
    expect(following.gaps).toEqual([]);
  });

  it('passes over a run of NULs longer than its buffer without taking it for a line', async () => {
    await log.append(Buffer.alloc(5_000));
    await log.append(eventLines(1, 2));
    const following = await fixture.follow({ chunkBytes: 1024, maxLineBytes: 2_000 });
    await following.untilIdle();

    expect(following.text().replaceAll('\0', '')).toBe(eventLines(1, 2));
    const [first] = following.delivered;
    expect(first?.fingerprint).toBe(fingerprintOf(eventLine(1)));
    expect((first?.offset ?? 0) + following.text().indexOf('{')).toBe(5_000);
  });

  it('notices a file that was truncated and has grown beyond the offset between two looks', async () => {
    await log.append(eventLines(1, 3));
    const following = await fixture.follow();
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

  it('notices a regrown file whose first line begins with the whole of the old one', async () => {
    await log.append('not json\n');
    const following = await fixture.follow();
    await following.untilIdle();
    await truncate(log.path, 0);
    await log.append('not json either\n');
    await following.forMs(2_000);

    expect(following.text()).toBe('not json\nnot json either\n');
  });

  it('tells how many unread bytes a truncation took', async () => {
    await log.append(eventLines(1, 100));
    const following = await fixture.follow({ chunkBytes: 1024 });
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
    const following = await fixture.follow();
    await following.untilIdle();
    await truncate(log.path, eventLines(1, 2).length);
    await following.forMs(1_000);
    await log.append(eventLine(9));
    await following.forMs(1_000);

    expect(following.text()).toBe(eventLines(1, 3) + eventLine(9));
    expect(following.delivered.at(-1)?.offset).toBe(eventLines(1, 2).length);
    expect(following.gaps).toMatchObject([{ reason: 'truncated' }]);
  });

  it('takes a file with the same inode number for another one when it begins otherwise', async () => {
    await log.append(eventLines(1, 2));
    const first = await fixture.follow();
    await first.untilIdle();
    await first.close();
    await writeFile(log.path, eventLines(11, 5));
    const second = await fixture.restart(first);
    await second.forMs(1_000);

    expect(second.text()).toBe(eventLines(11, 5));
    expect(second.gaps).toMatchObject([{ reason: 'file-deleted' }]);
  });
});
