import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../agent/clock.ts';
import { createLogWake, type LogWake } from '../../agent/log/wake.ts';
import type { InternalEvent } from '../../agent/telemetry/events.ts';
import { eventLine, LogFiles } from '../support/log-files.ts';

const labels = { log: 'kube-apiserver', sink: '' };

describe('wake', () => {
  let log: LogFiles;
  let wake: LogWake;
  const events: InternalEvent[] = [];
  /** Silence lies behind: the clock runs ahead of the real one by the time that is waited for. */
  let aheadMs = 0;

  beforeEach(async () => {
    log = await LogFiles.create();
    await log.append(eventLine(1));
    aheadMs = 0;
    wake = createLogWake({
      path: log.path,
      labels,
      telemetry: { emit: (event) => void events.push(event) },
      clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs },
    });
  });

  afterEach(async () => {
    await wake.close();
    await log.remove();
  });

  it('ends a wait when a file in the directory changes after a time of silence', async () => {
    aheadMs = 5_000;
    const stop = new AbortController();
    const waiting = wake.wait(60_000, stop.signal);
    const writing = setInterval(() => void log.append(eventLine(2)), 50);
    const hinted = await waiting;
    clearInterval(writing);

    expect(hinted).toBe(true);
  }, 60_000);

  it('ends a wait when a backup appears', async () => {
    aheadMs = 5_000;
    const waiting = wake.wait(60_000, new AbortController().signal);
    const rotating = setInterval(() => void log.append('', log.backupPath()), 50);
    const hinted = await waiting;
    clearInterval(rotating);

    expect(hinted).toBe(true);
  }, 60_000);

  it('waits its time out while the log is written to, without a watcher', async () => {
    wake.noteActivity();
    const waiting = wake.wait(300, new AbortController().signal);
    await log.append(eventLine(2));

    expect(await waiting).toBe(false);
  });

  it('ends a wait when the signal aborts', async () => {
    const stop = new AbortController();
    const waiting = wake.wait(60_000, stop.signal);
    stop.abort();

    expect(await waiting).toBe(false);
  });

  it('waits for a directory that is not there', async () => {
    await log.remove();
    aheadMs = 5_000;

    expect(await wake.wait(10, new AbortController().signal)).toBe(false);
    expect(events).toEqual([]);
  });
});
