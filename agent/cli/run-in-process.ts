import { hostname } from 'node:os';
import { systemClock } from '../clock.ts';
import { SINK_DEFINITIONS } from '../sink/registry.ts';
import type { ExitCode } from './command-context.ts';
import { runCommandLine } from './program.ts';

/** Runs a command line in this process: its streams, environment and host. */
export function runInProcess(args: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  return runCommandLine(args, {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env: process.env,
    signal,
    clock: systemClock,
    hostName: hostname(),
    isTerminal: process.stdout.isTTY,
    definitions: SINK_DEFINITIONS,
  });
}
