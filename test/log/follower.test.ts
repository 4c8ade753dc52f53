import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rename, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { systemClock } from '../../agent/clock.ts';
import { resolveLogEnd } from '../../agent/log/start.ts';
import { ByteBudget } from '../../agent/memory/byte-budget.ts';
import { FollowFixture } from '../support/follow-fixture.ts';
import { eventLine, eventLines, fingerprintOf, type LogFiles } from '../support/log-files.ts';

const NEVER = new AbortController().signal;
describe('log follower', () => {
  let fixture: FollowFixture;
  let log: LogFiles;

  beforeEach(async () => {
    fixture = await FollowFixture.create();
    log = fixture.log;
  });

  afterEach(() => fixture.close());

  it('hands out whole lines with their offsets and the fingerprint of the first line', async () => {
    await log.append(eventLines(1, 3));
    const following = await fixture.follow();
    await following.untilIdle();
    await log.append(eventLine(4));
    await following.untilIdle();

    expect(following.text()).toBe(eventLines(1, 4));
    expect(following.delivered.map(({ offset }) => offset)).toEqual([0, eventLines(1, 3).length]);
    expect(following.delivered[1]?.fingerprint).toBe(fingerprintOf(eventLine(1)));
  });

  it('waits for the rest of the last line of the live file', async () => {
    await log.append(eventLine(1) + eventLine(2).slice(0, 20));
    const following = await fixture.follow();
    await following.forMs(20_000);
    expect(following.text()).toBe(eventLine(1));

    await log.append(eventLine(2).slice(20));
    await following.forMs(1_000);
    expect(following.text()).toBe(eventLines(1, 2));
    expect(following.kinds()).toEqual(['lines', 'lines']);
  });

  it('reads what is written after a restart to a file that was read before it', async () => {
    await log.append(eventLine(1));
    await rename(log.path, log.at('audit.log.1'));
    await log.append(eventLine(2));
    const first = await fixture.follow();
    await first.forMs(10_000);
    const second = await fixture.restart(first);
    await second.forMs(1_000);
    await log.append(eventLine(3), log.at('audit.log.1'));
    await second.forMs(12_000);

    expect(first.text() + second.text()).toBe(eventLines(1, 3));
  });

  it('reads a torn line again after a quiet time in which its read buffer was given back', async () => {
    await log.append(eventLine(1) + eventLine(2).slice(0, 20));
    const following = await fixture.follow();
    await following.forMs(10_000);
    await log.append(eventLine(2).slice(20));
    await log.rotate();
    await log.append(eventLine(3));
    await following.forMs(10_000);

    expect(following.text()).toBe(eventLines(1, 3));
    expect(following.kinds()).toEqual(['lines', 'lines', 'lines']);
  });

  it('returns at once from a wait when something is there, and when it is told to stop', async () => {
    await log.append(eventLine(1));
    const following = await fixture.follow();
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
    const following = await fixture.follow();
    expect(await following.follower.next(AbortSignal.abort())).toEqual({ status: 'idle' });
    await following.untilIdle();

    expect(following.text()).toBe(eventLines(1, 3));
  });

  it('waits for memory for a long line until others have given theirs back', async () => {
    await log.append(eventLine(1, 300_000));
    const budget = new ByteBudget(400_000);
    const lease = budget.tryAcquire(200_000);
    const following = await fixture.follow({ chunkBytes: 4_096, budget });
    const step = following.step();
    lease?.release();

    expect(await step).toBe('lines');
    expect(following.text()).toBe(eventLine(1, 300_000));
  });

  it('measures a long line before it takes memory for it, and gives the memory back', async () => {
    const long = eventLine(2, 300_000);
    await log.append(eventLine(1) + long + eventLine(3));
    const budget = new ByteBudget(400_000);
    const following = await fixture.follow({ chunkBytes: 4_096, budget });
    expect(await following.step()).toBe('lines');
    expect(await following.step()).toBe('lines');
    expect(budget.usedBytes).toBe(long.length);
    await following.untilIdle();

    expect(following.text()).toBe(eventLine(1) + long + eventLine(3));
    expect(budget.usedBytes).toBe(0);
  });

  it('tells the range of a line that is too long and goes on behind it', async () => {
    const long = eventLine(2, 50_000);
    const content = eventLine(1) + long + eventLine(3);
    await log.append(content);
    await writeFile(`${log.backupPath()}.gz`, gzipSync(content.replaceAll('kind', 'sort')));
    const following = await fixture.follow({ chunkBytes: 4_096, maxLineBytes: 50_000 });
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
    const chosen = await resolveLogEnd(log.path, systemClock, NEVER);
    await log.append(eventLine(3).slice(10));
    const start = chosen.status === 'position' ? chosen.position : undefined;
    const following = await fixture.follow({ start });
    await following.forMs(1_000);

    expect(start?.offset).toBe(eventLine(2).length);
    expect(following.text()).toBe(eventLine(3));
  });

  it('reads what comes after an empty live file where the end is chosen', async () => {
    await log.append(eventLine(1));
    await log.compress(await log.rotate());
    const chosen = await resolveLogEnd(log.path, systemClock, NEVER);
    const start = chosen.status === 'position' ? chosen.position : undefined;
    const following = await fixture.follow({ start });
    await following.forMs(1_000);
    await log.append(eventLine(2));
    await following.forMs(1_000);

    expect(following.text()).toBe(eventLine(2));
  });

  it('knows how far it is behind', async () => {
    await log.append(eventLines(1, 100));
    await log.rotate();
    await log.append(eventLines(101, 10));
    const following = await fixture.follow({ chunkBytes: 1024 });
    await following.step();
    const total = eventLines(1, 110).length;
    expect(following.follower.lag()).toMatchObject({ bytes: total - following.text().length, files: 2 });

    await following.untilIdle();
    expect(following.follower.lag()).toMatchObject({ bytes: 0, files: 0 });
  });
});
