import { Following } from './follow.ts';
import { LogFiles } from './log-files.ts';

type Options = NonNullable<Parameters<typeof Following.start>[1]>;

/** A log and everything that follows it, put away together. */
export class FollowFixture {
  readonly log: LogFiles;
  readonly #open: Following[] = [];

  private constructor(log: LogFiles) {
    this.log = log;
  }

  static async create(): Promise<FollowFixture> {
    return new FollowFixture(await LogFiles.create());
  }

  async follow(options: Options = {}, path = this.log.path): Promise<Following> {
    const following = await Following.start(path, options);
    this.#open.push(following);
    return following;
  }

  /** Stops and starts at the position of what was delivered. */
  async restart(following: Following): Promise<Following> {
    await following.close();
    return this.follow({ start: following.position });
  }

  async close(): Promise<void> {
    for (const following of this.#open) await following.close();
    await this.log.remove();
  }
}
