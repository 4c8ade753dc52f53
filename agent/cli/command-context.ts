import type { Clock } from '../clock.ts';
import type { SinkDefinition } from '../sink/definition.ts';

/** 0 done, 1 failed, 2 wrong usage or configuration. */
export type ExitCode = 0 | 1 | 2;

/** What a command gets from the process it runs in; tests give their own. */
export interface CommandContext {
  /** Prints the command's result. */
  readonly out: (text: string) => void;
  /** Prints what goes wrong. */
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts when the person or the system wants the command to end. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly hostName: string;
  /** Whether a person watches the output. */
  readonly isTerminal: boolean;
  readonly definitions: readonly SinkDefinition[];
  /** Sets the exit code; 0 if no command calls it. */
  readonly finish: (exitCode: ExitCode) => void;
}
