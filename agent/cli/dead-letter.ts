import { join } from 'node:path';
import type { Command } from 'commander';
import { lineText, maskLine, readDeadLetters, type DeadLetterEntry } from '../sink/dead-letter/reader.ts';
import type { CommandContext } from './command-context.ts';
import { loadConfigFor, withConfigOption } from './config-option.ts';
import { printable } from './printable.ts';

/** Enough of a line to recognise it; `--raw` shows it whole. */
const MAX_SHOWN_CHARACTERS = 300;

interface ListOptions {
  readonly config: string;
  readonly json?: boolean;
  readonly raw?: boolean;
}

/** A dead letter as `--json` shows it. */
interface ListedLetter {
  readonly sink: string;
  readonly log: string;
  readonly reason: string;
  readonly range: DeadLetterEntry['range'];
  readonly time: string;
  readonly line: string;
  /** The server's own words; only with `--raw`, because they may quote the event. */
  readonly detail?: string;
}

/** `dead-letter list`. */
export function registerDeadLetter(program: Command, context: CommandContext): void {
  const deadLetter = program
    .command('dead-letter')
    .description('look at lines and documents that no sink took');
  withConfigOption(deadLetter.command('list'))
    .description('list all dead letters, oldest first for each log and sink')
    .option('--json', 'print a JSON array')
    .option('--raw', 'show lines whole, also those that could not be decoded and so not be redacted')
    .action((options: ListOptions) => list(options, context));
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const config = await loadConfigFor(context, options.config);
  const directory = join(config.stateDir, 'dead-letter');
  const print = options.json === true ? jsonPrinter(context) : textPrinter(options, context);
  for await (const entry of readDeadLetters(directory, (path) => warnDamaged(path, context))) {
    if (context.signal.aborted) return;
    print.letter(listed(entry, options.raw === true));
  }
  print.end();
}

function listed(entry: DeadLetterEntry, raw: boolean): ListedLetter {
  const { sink, log, reason, range, time, detail } = entry;
  const line = (raw ? lineText(entry) : undefined) ?? maskLine(entry);
  return { sink, log, reason, range, time, line, ...(raw && detail !== undefined ? { detail } : {}) };
}

function warnDamaged(path: string, context: CommandContext): void {
  context.err(`${printable(path)}: a line that is no dead letter was left out\n`);
}

interface Printer {
  readonly letter: (letter: ListedLetter) => void;
  readonly end: () => void;
}

/** One letter at a time: there may be a gigabyte of them. */
function jsonPrinter({ out }: CommandContext): Printer {
  let count = 0;
  return {
    letter: (letter) => {
      out(`${count === 0 ? '[\n' : ',\n'}${JSON.stringify(letter)}`);
      count += 1;
    },
    end: () => out(count === 0 ? '[]\n' : '\n]\n'),
  };
}

function textPrinter({ raw }: ListOptions, { out }: CommandContext): Printer {
  let count = 0;
  return {
    letter: ({ time, log, sink, reason, range, line, detail }) => {
      const head = `${time}  ${log} -> ${sink}  ${reason}  ${range.file} bytes ${range.start}-${range.end}`;
      const shown = [
        head,
        ...(detail === undefined ? [] : [`  ${detail}`]),
        `  ${raw === true ? line : shorten(line)}`,
      ];
      out(`${shown.map(printable).join('\n')}\n`);
      count += 1;
    },
    end: () => out(count === 1 ? '1 dead letter\n' : `${count} dead letters\n`),
  };
}

function shorten(line: string): string {
  return line.length <= MAX_SHOWN_CHARACTERS ? line : `${line.slice(0, MAX_SHOWN_CHARACTERS)}…`;
}
