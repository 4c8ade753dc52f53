import type { Clock } from '../clock.ts';
import { isSystemError, type LogError } from '../errors.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';

const REPEAT_MS = 60_000;
const FIRST_RETRY_MS = 250;
/** A device that fails is left alone for longer than a file that is not there yet. */
const LONGEST_RETRY_MS = 5_000;
const LONGEST_WAIT_FOR_FILE_MS = 500;

/** Whether the log can be read, told once when that changes and about once a minute while it cannot; and when to try again. */
export class LogHealth {
  readonly #options: { readonly labels: ShipperLabels; readonly telemetry: Telemetry; readonly clock: Clock };
  #problem: { readonly path: string; readonly code: string; reportedAtMs: number } | undefined;
  #retryMs = FIRST_RETRY_MS;
  #retryAtMs = 0;

  constructor(options: { labels: ShipperLabels; telemetry: Telemetry; clock: Clock }) {
    this.#options = options;
  }

  get readable(): boolean {
    return this.#problem === undefined;
  }

  /** True until it is time to try again. */
  get resting(): boolean {
    return this.#options.clock.monotonicMs() < this.#retryAtMs;
  }

  fail(error: LogError): void {
    const { clock, telemetry, labels } = this.#options;
    const nowMs = clock.monotonicMs();
    const { path, code } = error;
    const known = this.#problem;
    this.#retryAtMs = nowMs + this.#retryMs;
    const longestMs = code === 'LOG_IO' ? LONGEST_RETRY_MS : LONGEST_WAIT_FOR_FILE_MS;
    this.#retryMs = Math.min(longestMs, this.#retryMs * 2);
    if (known?.path === path && known.code === code && nowMs - known.reportedAtMs < REPEAT_MS) return;
    this.#problem = { path, code, reportedAtMs: nowMs };
    telemetry.emit({ kind: 'log-unreadable', path, code, detail: detailOf(error), ...labels });
  }

  succeed(): void {
    this.#retryMs = FIRST_RETRY_MS;
    const problem = this.#problem;
    if (problem === undefined) return;
    this.#problem = undefined;
    const { telemetry, labels } = this.#options;
    telemetry.emit({ kind: 'log-readable-again', path: problem.path, ...labels });
  }
}

function detailOf(error: LogError): string {
  return isSystemError(error.cause) ? error.cause.message : error.message;
}
