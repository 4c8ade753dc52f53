/** Runs tasks one after another, in the order in which they were given. */
export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  run<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task);
    // A task that failed tells its own caller; the next one runs all the same.
    this.#last = result.catch(() => {});
    return result;
  }
}
