import type { Command } from 'commander';
import { configJsonSchema } from '../config/json-schema.ts';
import { ConfigError, type ConfigProblem } from '../errors.ts';
import type { CommandContext } from './command-context.ts';
import { loadConfigFor } from './config-option.ts';
import { printable } from './printable.ts';

interface CheckOptions {
  readonly json?: boolean;
}

interface CheckResult {
  readonly file: string;
  readonly valid: boolean;
  readonly problems: readonly ConfigProblem[];
}

/** `config check` and `config schema`. */
export function registerConfig(program: Command, context: CommandContext): void {
  const config = program.command('config').description('check a configuration file, or print its schema');
  config
    .command('check')
    .description('name all problems of a configuration file at once; exit code 2 if there are any')
    .argument('<file>', 'configuration file')
    .option('--json', 'print the result as JSON')
    .action((file: string, options: CheckOptions) => checkCommand(file, options, context));
  config
    .command('schema')
    .description('print the JSON Schema (draft 2020-12) of the configuration file, for editors')
    .action(() => context.out(`${JSON.stringify(configJsonSchema(context.definitions), null, 2)}\n`));
}

async function checkCommand(file: string, options: CheckOptions, context: CommandContext): Promise<void> {
  const result = await check(file, context);
  if (!result.valid) context.finish(2);
  if (options.json === true) context.out(`${JSON.stringify(result, null, 2)}\n`);
  else if (result.valid) context.out(`${printable(file)}: ok\n`);
  else context.err(configErrorText(file, result.problems));
}

async function check(file: string, context: CommandContext): Promise<CheckResult> {
  try {
    await loadConfigFor(context, file);
    return { file, valid: true, problems: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { file, valid: false, problems: error.problems };
  }
}

/** One line a problem: `file:line: path: problem`, as editors and compilers write it. */
export function configErrorText(file: string, problems: readonly ConfigProblem[]): string {
  const lines = problems.map(({ path, line, problem }) => {
    const place = line === undefined ? file : `${file}:${line}`;
    return `${printable([place, path, problem].filter((part) => part !== '').join(': '))}\n`;
  });
  return lines.join('');
}
