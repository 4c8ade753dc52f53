import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** 1 unless a sink writes events there. */
  readonly descriptor: 1 | 2;
}

/** The agent's log, and the way to get its last lines out. */
export interface AgentLogger {
  readonly logger: Logger;
  /** Writes out what is still buffered; for the end of the process. */
  flush(): void;
}

/** JSON lines. Written in the background, so that a slow reader of the log does not stop the agent. */
export function createLogger(options: LoggerOptions): AgentLogger {
  const destination = pino.destination({ dest: options.descriptor, sync: false });
  // Nobody reads the log any more: shipping goes on without it.
  destination.on('error', () => {});
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return { logger, flush: () => flushQuietly(destination) };
}

function flushQuietly(destination: { flushSync(): void }): void {
  try {
    destination.flushSync();
  } catch {
    // The process ends and its log cannot be written: nobody is left to tell.
  }
}
