import { createLogFollower, type LogFollowerOptions } from '../../agent/log/follower.ts';
import type { LogFollower, LogGap, LogPosition } from '../../agent/log/log.ts';
import { createReadBrake } from '../../agent/log/read-brake.ts';
import type { LogWake } from '../../agent/log/wake.ts';
import { ByteBudget } from '../../agent/memory/byte-budget.ts';
import type { InternalEvent } from '../../agent/telemetry/events.ts';
import { ManualClock } from './manual-clock.ts';

const NEVER = new AbortController().signal;

/** A wake without a watcher: waits as long as it is told. */
export function plainWake(clock: ManualClock): LogWake {
  return {
    wait: async (ms) => {
      await clock.delay(ms);
      return false;
    },
    noteActivity: () => {},
    close: () => Promise.resolve(),
  };
}

/** What a follower handed out, piece by piece. */
export type Delivered =
  | { kind: 'lines' | 'incomplete-line'; fingerprint: string; offset: number; bytes: Buffer }
  | { kind: 'oversize-line'; fingerprint: string; offset: number; endOffset: number };

/** A follower with a clock of its own, whose steps are collected. */
export class Following {
  readonly clock: ManualClock;
  readonly budget: ByteBudget;
  readonly events: InternalEvent[] = [];
  readonly delivered: Delivered[] = [];
  readonly gaps: LogGap[] = [];
  readonly #follower: LogFollower;
  /** After the last step that was taken. */
  position: LogPosition | undefined;

  private constructor(
    follower: LogFollower,
    clock: ManualClock,
    budget: ByteBudget,
    events: InternalEvent[],
  ) {
    this.#follower = follower;
    this.clock = clock;
    this.budget = budget;
    this.events = events;
  }

  static async start(
    path: string,
    options: Partial<LogFollowerOptions> & { budget?: ByteBudget; clock?: ManualClock | undefined } = {},
  ): Promise<Following> {
    const clock = options.clock ?? new ManualClock();
    const budget = options.budget ?? new ByteBudget(8 * 1024 * 1024);
    const events: InternalEvent[] = [];
    const follower = createLogFollower({
      path,
      labels: { log: 'kube-apiserver', sink: 'siem' },
      start: undefined,
      maxLineBytes: 1024 * 1024,
      brake: createReadBrake(Number.POSITIVE_INFINITY, clock),
      wake: plainWake(clock),
      telemetry: { emit: (event) => void events.push(event) },
      ...options,
      budget,
      clock,
    });
    const following = new Following(follower, clock, budget, events);
    following.position = options.start;
    return following;
  }

  get follower(): LogFollower {
    return this.#follower;
  }

  /** One step; its status. */
  async step(): Promise<string> {
    const step = await this.#follower.next(NEVER);
    if (step.status === 'gap') this.gaps.push(step.gap);
    if (step.status === 'lines' || step.status === 'incomplete-line') {
      const bytes = Buffer.from(step.bytes.subarray(step.start, step.end));
      const { fingerprint } = step.file;
      this.delivered.push({ kind: step.status, fingerprint, offset: step.offset, bytes });
      this.position = { file: step.file, offset: step.offset + bytes.length };
    }
    if (step.status === 'oversize-line') {
      const { offset, endOffset } = step;
      this.delivered.push({ kind: step.status, fingerprint: step.file.fingerprint, offset, endOffset });
      this.position = { file: step.file, offset: endOffset };
    }
    return step.status;
  }

  /** Steps until there is nothing for now. */
  async untilIdle(): Promise<void> {
    for (let steps = 0; (await this.step()) !== 'idle'; steps += 1)
      if (steps > 100_000) throw new Error('the follower never becomes idle');
  }

  /** Lets time pass, in polls. */
  async forMs(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      await this.untilIdle();
      this.clock.advance(250);
    }
    await this.untilIdle();
  }

  /** Lets time pass until nothing is left to read, and some more. */
  async untilCaughtUp(): Promise<void> {
    for (let rounds = 0; this.#follower.lag().bytes > 0 && rounds < 60; rounds += 1) await this.forMs(5_000);
    await this.forMs(15_000);
  }

  /** All text handed out as lines or last lines, in order. */
  text(): string {
    return Buffer.concat(
      this.delivered.flatMap((one) => (one.kind === 'oversize-line' ? [] : [one.bytes])),
    ).toString('latin1');
  }

  kinds(): string[] {
    return this.delivered.map(({ kind }) => kind);
  }

  emitted(kind: InternalEvent['kind']): InternalEvent[] {
    return this.events.filter((event) => event.kind === kind);
  }

  close(): Promise<void> {
    return this.#follower.close();
  }
}
