/**
 * The catalogue of errors. Each has a stable `code`, documented in docs/errors.md; decide by `code`, never by message text.
 * Secrets never get this far: whoever builds an error names the setting, not its value, where the value is secret.
 */

export type LogErrorCode = 'LOG_PERMISSION' | 'LOG_MISSING' | 'LOG_IO' | 'LOG_NOT_A_FILE';
export type CheckpointErrorCode = 'CHECKPOINT_CORRUPT' | 'CHECKPOINT_NEWER_VERSION' | 'CHECKPOINT_WRITE';
export type ErrorCode =
  | 'CONFIG_INVALID'
  | 'USAGE'
  | 'INVARIANT'
  | LogErrorCode
  | CheckpointErrorCode
  | 'SINK_SETUP'
  | 'TELEMETRY_LISTEN';

/** Why a line is no event we can ship; it becomes the `reason` of a dead letter. */
export type DecodeReason = 'json' | 'oversize' | 'not-audit' | 'incomplete-line';

/** Why a sink did not take a batch; it only travels inside a SendResult. */
export type SinkReason = 'connect' | 'timeout' | 'auth' | 'throttled' | 'server' | 'protocol';

export class AgentError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** One thing that is wrong with a configuration, and where. */
export interface ConfigProblem {
  /** Dotted path of the setting, such as `sinks[0].url`; empty for the document as a whole. */
  readonly path: string;
  /** Line of the file, from 1; absent where the setting is missing or came from elsewhere. */
  readonly line?: number;
  /** What is wrong and what was expected, with the value unless it is secret. */
  readonly problem: string;
}

/** The configuration cannot be used. Carries all problems at once; exit code 2. */
export class ConfigError extends AgentError {
  readonly problems: readonly ConfigProblem[];
  readonly file: string;

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super('CONFIG_INVALID', `${file}: ${problems.length} problem(s) in the configuration`);
    this.file = file;
    this.problems = problems;
  }
}

/** The command line cannot be used; exit code 2. */
export class UsageError extends AgentError {
  constructor(message: string) {
    super('USAGE', message);
  }
}

/** A log cannot be read now. Reported and tried again, never fatal. */
export class LogError extends AgentError {
  declare readonly code: LogErrorCode;
  readonly path: string;

  constructor(code: LogErrorCode, path: string, options?: { cause?: unknown }) {
    super(code, `${path}: ${describeLogError(code)}`, options);
    this.path = path;
  }
}

/** A position file or the state directory cannot be used. */
export class CheckpointError extends AgentError {
  declare readonly code: CheckpointErrorCode;
}

/** `sink setup` or `sink check` could not do its work; exit code 1. */
export class SinkSetupError extends AgentError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('SINK_SETUP', message, options);
  }
}

/** The address of the metrics and health server cannot be had; exit code 1. */
export class ListenError extends AgentError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('TELEMETRY_LISTEN', message, options);
  }
}

/** A bug. Nobody catches it: the process ends with 1 and goes on from its last checkpoint when started again. */
export class InvariantError extends AgentError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('INVARIANT', message, options);
  }
}

function describeLogError(code: LogErrorCode): string {
  switch (code) {
    case 'LOG_PERMISSION':
      return 'permission denied';
    case 'LOG_MISSING':
      return 'does not exist';
    case 'LOG_NOT_A_FILE':
      return 'is not a file';
    case 'LOG_IO':
      return 'cannot be read';
  }
}

/** The `code` of an error of Node (`ENOENT`, `ECONNREFUSED`) or of this catalogue; undefined where it has none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** An error of the operating system (no room, no permission, no such file), as opposed to a bug. */
export interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
}

export function isSystemError(error: unknown): error is SystemError {
  return typeof error === 'object' && error !== null && 'syscall' in error && errorCode(error) !== undefined;
}

/** What an error says, with its causes, in one line. */
export function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error);
  const text = String(error.message);
  return 'cause' in error && error.cause !== undefined ? `${text}: ${errorText(error.cause)}` : text;
}
