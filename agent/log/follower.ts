import type { Clock } from '../clock.ts';
import { isSystemError, LogError } from '../errors.ts';
import { READ_CHUNK_BYTES } from '../memory/footprint.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';
import { Backlog } from './backlog.ts';
import { type CursorOptions, FileCursor } from './file-cursor.ts';
import { judgeEnd } from './file-end.ts';
import { toLogError } from './file-problem.ts';
import { GrowthWatch } from './growth-watch.ts';
import { ChunkBuffer, type Frame, type LineBudget } from './line-framer.ts';
import type { LogFollower, LogGap, LogLag, LogPosition, LogStep } from './log.ts';
import { LogHealth } from './log-health.ts';
import type { ReadBrake } from './read-brake.ts';
import { Retention } from './retention.ts';
import { Succession } from './succession.ts';
import { PathWatch } from './path-watch.ts';
import { UnlinkedFile } from './unlinked-file.ts';
import type { LogWake } from './wake.ts';

const POLL_INTERVAL_MS = 250;
/** The read buffer is given back after so long without a line. */
const PARK_AFTER_MS = 3_000;

const IDLE: LogStep = { status: 'idle' };
const NO_LINES = { kind: 'lines', events: 0, empty: 0, unusual: 0, degraded: 0 } as const;

export interface LogFollowerOptions {
  readonly path: string;
  readonly labels: ShipperLabels;
  /** Where to go on; without a position at the oldest file. */
  readonly start: LogPosition | undefined;
  readonly maxLineBytes: number;
  /** Size of the read buffer, which is the caller's to reserve; longer lines are leased from the budget. */
  readonly chunkBytes?: number;
  readonly budget: LineBudget;
  /** Shared by the cursors of a log. */
  readonly brake: ReadBrake;
  readonly wake: LogWake;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
}

/** A cursor over the files of a log. Needs nothing to be there yet. */
export function createLogFollower(options: LogFollowerOptions): LogFollower {
  return new Follower(options);
}

class Follower implements LogFollower {
  readonly #options: LogFollowerOptions;
  readonly #backlog: Backlog;
  readonly #growth: GrowthWatch;
  readonly #health: LogHealth;
  readonly #retention = new Retention();
  readonly #chunk: ChunkBuffer;
  readonly #cursorOptions: CursorOptions;
  readonly #pathWatch: PathWatch;
  readonly #succession: Succession;
  readonly #unlinked: UnlinkedFile;
  /** The file in turn, and a finished one that has grown and is read in between. */
  #current: FileCursor | undefined;
  #detour: FileCursor | undefined;
  readonly #gaps: LogGap[] = [];
  #notedLooks = 0;
  /** Set while what the cursor has read may not be what stands at its offset. */
  #mustSeek = false;
  #lastStepMs: number;

  constructor(options: LogFollowerOptions) {
    const { path, clock, labels, telemetry, budget, brake, maxLineBytes } = options;
    this.#options = options;
    this.#backlog = new Backlog(path, clock);
    this.#growth = new GrowthWatch(clock);
    this.#health = new LogHealth({ labels, telemetry, clock });
    this.#pathWatch = new PathWatch(path);
    this.#unlinked = new UnlinkedFile({ path, labels, telemetry, clock });
    this.#chunk = new ChunkBuffer(options.chunkBytes ?? READ_CHUNK_BYTES);
    this.#lastStepMs = clock.monotonicMs();
    this.#cursorOptions = {
      chunk: this.#chunk,
      budget,
      brake,
      maxLineBytes,
      onRead: (bytes) => telemetry.emit({ kind: 'read', bytes, ...labels }),
      onNulBytes: (nulBytes) => telemetry.emit({ ...NO_LINES, nulBytes, ...labels }),
    };
    this.#succession = new Succession({
      ...options,
      cursor: this.#cursorOptions,
      backlog: this.#backlog,
      growth: this.#growth,
      health: this.#health,
      onGap: (gap) => void this.#gaps.push(gap),
    });
  }

  async next(signal: AbortSignal): Promise<LogStep> {
    try {
      return await this.#advance(signal);
    } catch (error) {
      if (!isSystemError(error) && !(error instanceof LogError)) throw error;
      this.#health.fail(toLogError((this.#detour ?? this.#current)?.file.path ?? this.#options.path, error));
      return IDLE;
    }
  }

  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { clock, wake } = this.#options;
    const untilMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0 || signal.aborted) return;
      if (await wake.wait(Math.min(POLL_INTERVAL_MS, leftMs), signal)) return;
      if (await this.#pathWatch.changed(this.#current)) return;
    }
  }

  /** Looks at the directory about once a second. What goes wrong there is told when the directory is needed. */
  async look(signal: AbortSignal): Promise<void> {
    if (!this.#succession.begun) return;
    try {
      await this.#backlog.glance(signal);
      this.#noteLook();
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }

  lag(): LogLag {
    const waiting = this.#backlog.waiting();
    const current = this.#current;
    const behind = current?.behindBytes ?? 0;
    const place = current === undefined ? undefined : this.#backlog.find(current.file.fingerprint);
    const { clock } = this.#options;
    return {
      bytes: waiting.bytes + behind,
      files: waiting.files + (behind > 0 ? 1 : 0),
      untilDeletionSeconds: this.#retention.secondsUntilDeletion(place?.name.rotatedAtMs, clock.nowMs()),
    };
  }

  readable(): boolean {
    return this.#health.readable;
  }

  async close(): Promise<void> {
    await this.#detour?.close();
    await this.#current?.close();
    await this.#growth.close();
    this.#detour = undefined;
    this.#current = undefined;
    this.#chunk.release();
  }

  async #advance(signal: AbortSignal): Promise<LogStep> {
    while (!signal.aborted && !this.#health.resting) {
      const gap = this.#gaps.shift();
      if (gap !== undefined) return this.#step({ status: 'gap', gap });
      await this.look(signal);
      if (this.#gaps.length > 0) continue;
      const cursor = this.#detour ?? this.#current;
      if (cursor === undefined) {
        if (await this.#openNext(signal)) continue;
        return IDLE;
      }
      if (this.#mustSeek) await this.#seek(cursor, cursor.offset, signal);
      const frame = await this.#read(cursor, signal);
      if (frame.status === 'region') return this.#deliver(cursor, frame, 'lines');
      if (frame.status === 'oversize') return this.#deliverOversize(cursor, frame);
      if (frame.status === 'later') return IDLE;
      if (frame.status === 'replaced') await this.#relocate(cursor);
      else {
        const step = await this.#atEnd(cursor, signal);
        if (step !== undefined) return step;
      }
    }
    return IDLE;
  }

  async #openNext(signal: AbortSignal): Promise<boolean> {
    const next = await this.#succession.next(signal);
    this.#noteLook();
    if (next.status === 'opened') this.#current = next.cursor;
    if (next.status !== 'none' || this.#gaps.length > 0 || (await this.#startDetour(signal))) return true;
    this.#chunk.release();
    return false;
  }

  async #read(cursor: FileCursor, signal: AbortSignal): Promise<Frame> {
    if (signal.aborted) return { status: 'later' };
    if (cursor.parked) return { status: 'end' };
    // Should it fail, what was being read is read again from its line on.
    this.#mustSeek = true;
    const frame = await cursor.next(signal);
    this.#mustSeek = false;
    return frame;
  }

  async #seek(cursor: FileCursor, offset: number, signal: AbortSignal): Promise<void> {
    this.#mustSeek = true;
    await cursor.seek(offset, signal);
    this.#mustSeek = signal.aborted;
  }

  /** Takes over what the last look at the directory has shown. */
  #noteLook(): void {
    if (this.#backlog.looks === this.#notedLooks) return;
    this.#notedLooks = this.#backlog.looks;
    this.#gaps.push(...this.#backlog.takeGaps());
    this.#retention.observe(this.#backlog.files);
    const current = this.#current;
    if (current === undefined) return;
    const place = this.#backlog.findInode(current.open);
    if (place === undefined) return;
    current.listedBytes = place.sizeBytes;
    current.wasLive = place.name.live;
  }

  #deliver(
    cursor: FileCursor,
    frame: Extract<Frame, { status: 'region' }>,
    status: 'lines' | 'incomplete-line',
  ): LogStep {
    const { file } = cursor;
    // A file that was opened before its first line was complete has its fingerprint from here on.
    this.#backlog.take(file.fingerprint);
    const { bytes, start, end, offset } = frame;
    return this.#step({ status, file, bytes, start, end, offset });
  }

  #deliverOversize(cursor: FileCursor, frame: Extract<Frame, { status: 'oversize' }>): LogStep {
    const { offset, endOffset } = frame;
    this.#backlog.take(cursor.file.fingerprint);
    return this.#step({ status: 'oversize-line', file: cursor.file, offset, endOffset });
  }

  #step(step: LogStep): LogStep {
    this.#lastStepMs = this.#options.clock.monotonicMs();
    this.#options.wake.noteActivity();
    this.#health.succeed();
    return step;
  }

  /** Undefined where there is more to do at once. */
  async #atEnd(cursor: FileCursor, signal: AbortSignal): Promise<LogStep | undefined> {
    const { path, clock } = this.#options;
    const verdict = await judgeEnd(cursor, { path, backlog: this.#backlog, clock }, signal);
    this.#noteLook();
    const obstacle = verdict === 'wait' ? this.#obstacleAfter(cursor) : undefined;
    if (obstacle === undefined) this.#health.succeed();
    else this.#health.fail(obstacle);
    switch (verdict) {
      case 'again':
        return undefined;
      case 'unlinked': {
        const gap = this.#unlinked.note(cursor);
        if (gap !== undefined) this.#gaps.push(gap);
        return this.#idle(cursor, signal);
      }
      case 'wait':
        if (this.#detour !== undefined) return this.#endDetour(this.#detour, signal);
        return this.#idle(cursor, signal);
      case 'finished':
        return this.#finish(cursor, signal);
      case 'cut':
        return this.#noteCut(cursor, signal);
      case 'replaced':
        await this.#relocate(cursor);
        return undefined;
      case 'reopen':
        await this.#seek(cursor, cursor.offset, signal);
        return undefined;
      case 'damaged':
        return this.#finishDamaged(cursor, signal);
    }
  }

  /** What keeps the file after this one from being read: it must be told, or a rotation to such a file would look like a quiet log. */
  #obstacleAfter(cursor: FileCursor): LogError | undefined {
    if (cursor === this.#detour || cursor.wasLive) return undefined;
    const next = this.#backlog.next();
    return next.status === 'blocked' ? next.error : undefined;
  }

  async #idle(cursor: FileCursor, signal: AbortSignal): Promise<LogStep | undefined> {
    if (this.#gaps.length > 0 || (await this.#startDetour(signal))) return undefined;
    const quietMs = this.#options.clock.monotonicMs() - this.#lastStepMs;
    if (quietMs >= PARK_AFTER_MS && !cursor.parked && !cursor.open.compressed) {
      await cursor.park(signal);
      this.#chunk.release();
    }
    return IDLE;
  }

  /** Hands out what stands after the last line feed, then leaves the file. */
  async #finish(cursor: FileCursor, signal: AbortSignal): Promise<LogStep | undefined> {
    const step = await this.#rest(cursor, signal);
    if (step !== 'none') return step;
    const { fingerprint, path } = cursor.file;
    const { telemetry, labels } = this.#options;
    telemetry.emit({ kind: 'file-finished', path, fingerprint, offset: cursor.offset, ...labels });
    await this.#leave(cursor);
    return undefined;
  }

  /** The last line as a step; `none` where there is none (any more); undefined where that has to be looked at again. */
  async #rest(cursor: FileCursor, signal: AbortSignal): Promise<LogStep | undefined | 'none'> {
    this.#mustSeek = true;
    const frame = await cursor.rest(signal);
    this.#mustSeek = false;
    if (frame.status === 'end') return 'none';
    if (frame.status === 'oversize') return this.#deliverOversize(cursor, frame);
    if (frame.status === 'later') return IDLE;
    if (frame.status === 'replaced') {
      await this.#relocate(cursor);
      return undefined;
    }
    // NULs alone are what a truncation leaves behind: nothing was ever written there.
    if (frame.bytes.subarray(frame.start, frame.end).every((byte) => byte === 0)) {
      this.#cursorOptions.onNulBytes(frame.end - frame.start);
      await this.#seek(cursor, cursor.endOffset, signal);
      return 'none';
    }
    return this.#deliver(cursor, frame, 'incomplete-line');
  }

  async #finishDamaged(cursor: FileCursor, signal: AbortSignal): Promise<LogStep | undefined> {
    const step = await this.#rest(cursor, signal);
    if (step !== 'none') return step;
    this.#gaps.push({
      reason: 'damaged-archive',
      file: cursor.file,
      offset: cursor.offset,
      unreadBytes: undefined,
    });
    await this.#leave(cursor);
    return undefined;
  }

  async #leave(cursor: FileCursor): Promise<void> {
    if (cursor === this.#detour) this.#detour = undefined;
    else this.#current = undefined;
    cursor.finished = true;
    await this.#growth.add(cursor);
  }

  async #noteCut(cursor: FileCursor, signal: AbortSignal): Promise<undefined> {
    const { file, offset, unreadBytes } = cursor;
    const left = Math.max(0, cursor.sizeBytes - offset);
    const lost = unreadBytes === undefined ? undefined : Math.max(0, unreadBytes - left);
    this.#gaps.push({
      reason: 'truncated',
      file,
      offset: Math.min(offset, cursor.sizeBytes),
      unreadBytes: lost,
    });
    cursor.forgetProven();
    await this.#seek(cursor, Math.min(offset, cursor.sizeBytes), signal);
  }

  /**
   * The open file is not what it was, or its archive has moved. Goes on in another file with the same content (the copy that
   * `copytruncate` made, say); without one, what was not read is lost.
   */
  async #relocate(cursor: FileCursor): Promise<void> {
    const { file, offset, unreadBytes } = cursor;
    const { telemetry, labels } = this.#options;
    telemetry.emit({ kind: 'file-replaced', path: file.path, fingerprint: file.fingerprint, ...labels });
    if (cursor === this.#detour) {
      this.#detour = undefined;
      return cursor.close();
    }
    this.#current = undefined;
    this.#succession.resumeElsewhere({ file, offset, unreadBytes });
    await cursor.close();
  }

  /** Reads what a finished file has grown by, while the file in turn has nothing. */
  async #startDetour(signal: AbortSignal): Promise<boolean> {
    if (this.#detour !== undefined || this.#current?.open.compressed === true) return false;
    const grown = await this.#growth.due(this.#backlog.files);
    if (grown === undefined) return false;
    await this.#current?.park(signal);
    if (grown.status === 'open') this.#detour = grown.cursor;
    else {
      this.#detour = await FileCursor.open(grown, this.#cursorOptions, signal);
      if (this.#detour !== undefined) this.#growth.remove(grown.fingerprint);
    }
    return this.#detour !== undefined;
  }

  /** The grown file has no more whole lines; a last one without its line feed waits there. */
  async #endDetour(detour: FileCursor, signal: AbortSignal): Promise<undefined> {
    await detour.park(signal);
    this.#detour = undefined;
    await this.#growth.add(detour);
  }
}
