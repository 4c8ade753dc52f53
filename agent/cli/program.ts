import { Command, CommanderError } from 'commander';
import {
  AgentError,
  ConfigError,
  errorCode,
  errorText,
  InvariantError,
  isSystemError,
  UsageError,
} from '../errors.ts';
import type { CommandContext, ExitCode } from './command-context.ts';
import { configErrorText, registerConfig } from './config.ts';
import { registerDeadLetter } from './dead-letter.ts';
import { registerDemo } from './demo.ts';
import { printable } from './printable.ts';
import { registerRun } from './run.ts';
import { registerSink } from './sink.ts';
import { AGENT_VERSION } from './version.ts';

/** Adds one command, or a family of them, to the program. */
type Register = (program: Command, context: CommandContext) => void;

const COMMANDS: readonly Register[] = [
  registerRun,
  registerDemo,
  registerConfig,
  registerSink,
  registerDeadLetter,
];

const EXAMPLES = `
Examples:
  kube-audit-agent demo
  kube-audit-agent run --config /etc/kube-audit-agent/config.yaml
  kube-audit-agent config check /etc/kube-audit-agent/config.yaml
  kube-audit-agent sink setup --sink siem --username elastic --password-file ./password
  kube-audit-agent sink check --json
  kube-audit-agent dead-letter list

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
`;

/** The command line as a whole. Building it has no effect on the process; running it prints through the context only. */
function buildProgram(context: CommandContext): Command {
  const program = new Command('kube-audit-agent');
  program
    .description('Gets Kubernetes audit logs off the control plane, complete and usable')
    .version(AGENT_VERSION, '--version', 'print the version')
    .helpOption('--help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(--help shows what there is)')
    .configureOutput({ writeOut: context.out, writeErr: context.err })
    .exitOverride();
  for (const register of COMMANDS) register(program, context);
  return program;
}

/**
 * Runs one command line to its end and returns the exit code. What the person can do something about is printed; a bug rejects.
 *
 * @param args The arguments after the program's name.
 */
export async function runCommandLine(
  args: readonly string[],
  context: Omit<CommandContext, 'finish'>,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const finish = (code: ExitCode): void => {
    exitCode = code;
  };
  try {
    await buildProgram({ ...context, finish }).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, context);
  }
}

function report(error: unknown, context: Pick<CommandContext, 'err'>): ExitCode {
  // Commander has printed its own message, or the help or version that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (isBug(error)) throw error;
  if (error instanceof ConfigError) context.err(configErrorText(error.file, error.problems));
  else context.err(`error: ${printable(errorText(error))} (${errorCode(error) ?? 'unknown'})\n`);
  return error instanceof ConfigError || error instanceof UsageError ? 2 : 1;
}

/** Everything but the errors of the catalogue and what the operating system refuses (no room, no permission). */
function isBug(error: unknown): boolean {
  if (error instanceof InvariantError) return true;
  return !(error instanceof AgentError) && !isSystemError(error);
}
