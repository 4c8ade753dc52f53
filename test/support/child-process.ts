import { spawn, type ChildProcess } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';

/** What a process printed and how it ended. */
export interface ChildResult {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Runs Node with the given arguments to its end. */
export function runNode(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ChildResult> {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  return childResult(child, child.stdout, child.stderr);
}

/** Waits for a process that was started otherwise. */
export async function childResult(child: ChildProcess, out: Readable, err: Readable): Promise<ChildResult> {
  const ended = new Promise<Pick<ChildResult, 'code' | 'signal'>>((resolve, reject) => {
    child.on('error', reject).on('exit', (code, signal) => resolve({ code, signal }));
  });
  const [outText, errText, end] = await Promise.all([text(out), text(err), ended]);
  return { out: outText, err: errText, ...end };
}
