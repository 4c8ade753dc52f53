import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Clock } from '../clock.ts';
import { errorText } from '../errors.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';
import { isMissing } from './file-problem.ts';

/** The watcher is armed after this long without activity: under load it costs more than the polling it saves. */
const ARM_AFTER_MS = 1_000;
/** After the watcher has failed it is left alone for so long; polling does without it. */
const REST_AFTER_FAILURE_MS = 60_000;

/** Ends waits early when something happens in the log's directory. Only a hint: whoever waits looks by itself as well. */
export interface LogWake {
  /** Resolves after `ms`, at the next hint, or when the signal aborts. True for a hint. */
  wait(ms: number, signal: AbortSignal): Promise<boolean>;
  /** Tells that the log is being written to, so that no watcher is needed now. */
  noteActivity(): void;
  close(): Promise<void>;
}

export interface LogWakeOptions {
  readonly path: string;
  readonly labels: ShipperLabels;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
}

export function createLogWake(options: LogWakeOptions): LogWake {
  return new DirectoryWake(options);
}

class DirectoryWake implements LogWake {
  readonly #options: LogWakeOptions;
  readonly #waiters = new Set<() => void>();
  #watcher: FSWatcher | undefined;
  #arming = false;
  #closed = false;
  #armAtMs: number;

  constructor(options: LogWakeOptions) {
    this.#options = options;
    this.#armAtMs = options.clock.monotonicMs() + ARM_AFTER_MS;
  }

  async wait(ms: number, signal: AbortSignal): Promise<boolean> {
    await this.#arm();
    const early = new AbortController();
    let hinted = false;
    const hint = (): void => {
      hinted = true;
      early.abort();
    };
    this.#waiters.add(hint);
    await this.#options.clock.delay(ms, AbortSignal.any([signal, early.signal]));
    this.#waiters.delete(hint);
    return hinted;
  }

  noteActivity(): void {
    this.#armAtMs = this.#options.clock.monotonicMs() + ARM_AFTER_MS;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#disarm();
  }

  async #arm(): Promise<void> {
    const due = this.#options.clock.monotonicMs() >= this.#armAtMs;
    if (!due || this.#closed || this.#arming || this.#watcher !== undefined) return;
    this.#arming = true;
    try {
      const directory = dirname(await realpath(this.#options.path));
      if (!this.#closed) this.#watch(directory);
    } catch (error) {
      // Where there is nothing to watch yet the poll finds the file when it comes.
      if (isMissing(error)) this.noteActivity();
      else this.#fail(this.#options.path, error);
    } finally {
      this.#arming = false;
    }
  }

  #watch(directory: string): void {
    // A poll would cost what it is meant to save, and half-written lines are no concern of ours.
    const watcher = watch(directory, {
      depth: 0,
      ignoreInitial: true,
      atomic: false,
      awaitWriteFinish: false,
    });
    watcher.on('all', () => this.#hint());
    watcher.on('error', (error) => this.#fail(directory, error));
    this.#watcher = watcher;
  }

  #hint(): void {
    this.noteActivity();
    void this.#disarm();
    for (const wake of this.#waiters) wake();
  }

  #fail(path: string, error: unknown): void {
    this.#report(path, error);
    this.#armAtMs = this.#options.clock.monotonicMs() + REST_AFTER_FAILURE_MS;
    void this.#disarm();
  }

  #report(path: string, error: unknown): void {
    const { telemetry, labels } = this.#options;
    telemetry.emit({ kind: 'watcher-failed', path, detail: errorText(error), ...labels });
  }

  async #disarm(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    try {
      await watcher?.close();
    } catch (error) {
      this.#report(this.#options.path, error);
    }
  }
}
