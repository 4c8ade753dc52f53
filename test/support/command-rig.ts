import { systemClock } from '../../agent/clock.ts';
import { runCommandLine } from '../../agent/cli/program.ts';
import type { SinkDefinition } from '../../agent/sink/definition.ts';
import { exampleSink, plainSink } from './example-sinks.ts';

/** What a command line printed and returned. */
export interface CommandResult {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process, with sinks of the tests' own. */
export async function runCommand(
  args: readonly string[],
  given: { env?: Readonly<Record<string, string>>; definitions?: readonly SinkDefinition[] } = {},
): Promise<CommandResult> {
  let out = '';
  let err = '';
  const exitCode = await runCommandLine(args, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    env: given.env ?? {},
    signal: new AbortController().signal,
    clock: systemClock,
    hostName: 'this-host',
    isTerminal: false,
    definitions: given.definitions ?? [exampleSink(), plainSink],
  });
  return { exitCode, out, err };
}
