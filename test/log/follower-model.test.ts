import { describe, expect, it } from '@jest/globals';
import {
  type Arbitrary,
  array,
  assert,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  nat,
  oneof,
  record,
  tuple,
} from 'fast-check';
import type { LogGap, LogPosition } from '../../agent/log/log.ts';
import { type Delivered, Following } from '../support/follow.ts';
import { LogFiles } from '../support/log-files.ts';
import { LogWorld } from '../support/log-world.ts';
import { ManualClock } from '../support/manual-clock.ts';

const NEVER = new AbortController().signal;
/** Each run is some 10 to 60 actions; `MODEL_SEED` repeats one that failed. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 100);
const SEED = process.env['MODEL_SEED'];

type WorldKind =
  | 'append'
  | 'append-part'
  | 'rotate'
  | 'rename-externally'
  | 'reopen'
  | 'copy-truncate'
  | 'begin-archive'
  | 'end-archives'
  | 'delete-oldest'
  | 'truncate';
type FollowerKind = 'start' | 'stop' | 'kill' | 'stray-append' | 'step' | 'poll';

/** How often each is chosen, compared with the others. */
const HARMLESS: readonly [number, WorldKind][] = [
  [6, 'append'],
  [2, 'append-part'],
  [3, 'rotate'],
  [1, 'rename-externally'],
  [2, 'reopen'],
  [1, 'copy-truncate'],
  [2, 'begin-archive'],
  [2, 'end-archives'],
];
const HARMFUL: readonly [number, WorldKind][] = [
  [1, 'delete-oldest'],
  [1, 'truncate'],
];
const FOLLOWING: readonly [number, FollowerKind][] = [
  [3, 'start'],
  [1, 'stop'],
  [1, 'kill'],
  [1, 'stray-append'],
  [6, 'step'],
  [3, 'poll'],
];

interface Action<Kind> {
  readonly kind: Kind;
  /** Lines to append, steps to go back, the backup that is meant. */
  readonly count: number;
  readonly padding: number;
  readonly flag: boolean;
  readonly ms: number;
}

function actionOf<Kind extends string>(kinds: readonly [number, Kind][]): Arbitrary<Action<Kind>> {
  return record({
    kind: oneof(...kinds.map(([weight, kind]) => ({ weight, arbitrary: constant(kind) }))),
    count: nat(10),
    padding: constantFrom(0, 0, 40, 900, 5_000),
    flag: boolean(),
    ms: constantFrom(0, 250, 1_000, 2_000, 6_000, 12_000),
  });
}

const HAPPENINGS: Record<WorldKind, (world: LogWorld, action: Action<WorldKind>) => Promise<void>> = {
  append: (world, { count, padding }) => world.append(count + 1, padding),
  'append-part': (world) => world.appendPart(),
  rotate: (world, { flag }) => world.rotate(flag),
  'begin-archive': (world, { count }) => world.beginArchive(count),
  'end-archives': (world) => world.endArchives(),
  'delete-oldest': (world) => world.deleteOldest(),
  truncate: (world, { flag }) => world.truncate(flag),
  'copy-truncate': (world, { flag }) => world.copyTruncate(flag),
  'rename-externally': (world) => world.renameExternally(),
  reopen: (world) => world.reopen(),
};

/** Sizes that make lines long and too long. */
const SMALL = { chunkBytes: 512, maxLineBytes: 4_000 };

/** No file is older than a clock that stands at the beginning of time, so that only what the follower saw itself counts. */
function timelessClock(): ManualClock {
  const clock = new ManualClock();
  clock.nowMs = () => 0;
  return clock;
}

/** A world and the follower in it, through all of the follower's lives. */
class Trial {
  readonly #world: LogWorld;
  readonly #path: string;
  #following: Following | undefined;
  /** What was handed out, life by life; a life that goes on exactly where the last one stopped continues its list. */
  readonly #lives: Delivered[][] = [[]];
  readonly #gaps: LogGap[] = [];
  #positions: (LogPosition | undefined)[] = [undefined];

  constructor(world: LogWorld, path: string) {
    this.#world = world;
    this.#path = path;
  }

  happen(action: Action<WorldKind>): Promise<void> {
    return HAPPENINGS[action.kind](this.#world, action);
  }

  async run(action: Action<FollowerKind>): Promise<void> {
    switch (action.kind) {
      case 'start':
        return this.start();
      case 'stop':
        return this.#stop(0);
      case 'kill':
        return this.#stop(action.count);
      case 'stray-append':
        return this.#strayAppend();
      case 'step':
        return void (await this.#step());
      case 'poll':
        return this.#poll(action.ms);
    }
  }

  /** What is wrong after everything has come to rest; empty where nothing is. */
  async finish(): Promise<string[]> {
    await this.#world.endArchives();
    await this.#world.reopen();
    await this.#world.append(1, 0);
    await this.start();
    await this.#following?.forMs(1_000);
    await this.#following?.untilCaughtUp();
    await this.#stop(0);
    return this.#world.problems(this.#lives, this.#gaps);
  }

  async start(): Promise<void> {
    if (this.#following !== undefined) return;
    const start = this.#positions.at(-1);
    this.#following = await Following.start(this.#path, { ...SMALL, start, clock: timelessClock() });
  }

  /** Ends a life; the next one begins some steps before the last one that was taken. */
  async #stop(stepsBack: number): Promise<void> {
    const following = this.#following;
    if (following === undefined) return;
    this.#following = undefined;
    await following.close();
    const fresh = following.gaps.some(({ reason }) => reason === 'file-deleted') || this.#strayed;
    if (fresh) this.#lives.push([]);
    this.#lives.at(-1)?.push(...following.delivered);
    if (stepsBack > 0 || fresh) this.#lives.push([]);
    this.#gaps.push(...following.gaps);
    this.#positions = this.#positions.slice(0, Math.max(1, this.#positions.length - stepsBack));
    this.#world.noteStopped();
  }

  /** A position in a grown file of the past makes the next life read again what came after that file. */
  #strayed = false;

  async #step(): Promise<string> {
    const following = this.#following;
    if (following === undefined) return 'idle';
    const status = await following.step();
    if (status !== 'idle' && status !== 'gap') this.#positions.push(following.position);
    return status;
  }

  async #poll(ms: number): Promise<void> {
    const following = this.#following;
    if (following === undefined) return;
    for (let passedMs = 0; passedMs <= ms; passedMs += 250) {
      while ((await this.#step()) !== 'idle');
      following.clock.advance(250);
    }
    if (ms >= 2_000) this.#world.noteSeen();
  }

  /** What is written to a file of the past must be read before the agent stops: no position tells of it. */
  async #strayAppend(): Promise<void> {
    if (this.#following === undefined) return;
    this.#strayed = true;
    await this.#poll(12_000);
    await this.#world.strayAppend();
    await this.#poll(12_000);
  }
}

async function inWorld(use: (world: LogWorld, path: string) => Promise<void>): Promise<void> {
  const files = await LogFiles.create();
  const world = await LogWorld.create(files);
  try {
    await use(world, files.path);
  } finally {
    await world.close();
    await files.remove();
  }
}

describe('log follower against a model', () => {
  const options = { numRuns: RUNS, ...(SEED === undefined ? {} : { seed: Number(SEED) }) };
  const long = { minLength: 10, maxLength: 60, size: 'max' } as const;

  it('hands out everything that was written, once in each life, but for the gaps it tells', async () => {
    const worldAction = actionOf([...HARMLESS, ...HARMFUL]);
    const followerAction = actionOf(FOLLOWING);
    // What happens to the log, or what the follower does.
    const actions = array(tuple(boolean(), worldAction, followerAction), long);
    const property = asyncProperty(actions, (chosen) =>
      inWorld(async (world, path) => {
        const trial = new Trial(world, path);
        await trial.start();
        for (const [happens, inLog, inFollower] of chosen)
          await (happens ? trial.happen(inLog) : trial.run(inFollower));

        expect(await trial.finish()).toEqual([]);
      }),
    );
    await assert(property, options);
  }, 600_000);

  it('hands out everything while files are renamed and compressed in the middle of a step', async () => {
    const actions = array(tuple(actionOf(HARMLESS), nat(20)), long);
    const property = asyncProperty(actions, (chosen) =>
      inWorld(async (world, path) => {
        const following = await Following.start(path, { ...SMALL, clock: timelessClock() });
        const written = new AbortController();
        const write = async (): Promise<void> => {
          for (const [action, turns] of chosen) {
            await HAPPENINGS[action.kind](world, action);
            for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
          }
          await world.endArchives();
          await world.reopen();
          await world.append(1, 0);
          written.abort();
        };
        const read = async (): Promise<void> => {
          while (!written.signal.aborted)
            if ((await following.step()) === 'idle') await following.follower.wait(250, NEVER);
          await following.forMs(1_000);
          await following.untilCaughtUp();
        };
        await Promise.all([write(), read()]);
        await following.close();

        expect(world.problems([following.delivered], following.gaps)).toEqual([]);
      }),
    );
    await assert(property, options);
  }, 600_000);
});
