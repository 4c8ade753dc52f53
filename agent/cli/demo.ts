import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { type DemoOutcome, removeDemo, runDemo } from './demo/run-demo.ts';

const NEXT_STEPS = `
What to do next
  1. Describe your log and where it should go; check it:  kube-audit-agent config check config.yaml
  2. Prepare Elasticsearch (index template, data stream): kube-audit-agent sink setup --config config.yaml
  3. Ship:                                                kube-audit-agent run --config config.yaml
The README shows a configuration; docs/configuration.md lists every key.
`;

export function registerDemo(program: Command, context: CommandContext): void {
  program
    .command('demo')
    .description('no cluster needed: watch a made-up audit log being written, rotated and shipped')
    .option('--keep', 'keep the log and the archive that the demo made')
    .action(async ({ keep }: { keep?: true }) => {
      context.out(opening(context.isTerminal));
      const outcome = await runDemo(context);
      context.out(comparison(outcome));
      if (keep === true) context.out(`Everything lies in ${outcome.directory}\n`);
      else await removeDemo(outcome);
      context.out(NEXT_STEPS);
      context.finish(isComplete(outcome) ? 0 : 1);
    });
}

function opening(isTerminal: boolean): string {
  const end = isTerminal ? 'Ctrl-C ends it.' : 'It ends by itself.';
  return `Writing an audit log as kube-apiserver does, and shipping it to a file sink. ${end}\n\n`;
}

function isComplete({ written, delivered, duplicates }: DemoOutcome): boolean {
  return written === delivered && duplicates === 0;
}

function comparison(outcome: DemoOutcome): string {
  const { written, delivered, duplicates, rotations } = outcome;
  const figures = `written ${written}, delivered ${delivered}, twice ${duplicates}, across ${rotations} rotations`;
  return `\n${figures}: ${isComplete(outcome) ? 'complete' : 'NOT COMPLETE'}\n`;
}
