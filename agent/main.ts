#!/usr/bin/env node
/**
 * The edge of the process: Node's version, arguments, signals, exit code. It imports nothing before the version is known to be new
 * enough, so that an old Node prints one clear line and not a stack trace.
 */
const MINIMUM_NODE = [24, 15] as const;

function isNodeNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
}

/** The first signal asks the command to end, the second one ends the process. */
function abortOnSignals(controller: AbortController): void {
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(128 + number);
      controller.abort(signal);
    });
  }
}

/** Whoever read our output has gone (`| head`): there is nothing to complain about, and nothing left to do. */
function abortOnClosedOutput(controller: AbortController): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      controller.abort('EPIPE');
    });
  }
}

/** A bug: one line that says so, in the form of the log, then the end. The next start goes on from the last checkpoint. */
function endOnBug(error: unknown): void {
  const line = {
    level: 'error',
    time: new Date().toISOString(),
    event: 'agent-failed',
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    msg: 'The agent ended because of a bug; start it again and it goes on from its last checkpoint',
  };
  // Written at once: standard error is a file, a pipe or a terminal.
  process.stderr.write(`${JSON.stringify(line)}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const controller = new AbortController();
  process.on('uncaughtException', endOnBug);
  abortOnSignals(controller);
  abortOnClosedOutput(controller);
  const { runInProcess } = await import('./cli/run-in-process.ts');
  process.exitCode = await runInProcess(process.argv.slice(2), controller.signal);
}

if (isNodeNewEnough(process.versions.node)) {
  await main();
} else {
  process.stderr.write(
    `kube-audit-agent needs Node ${MINIMUM_NODE.join('.')} or newer; this is Node ${process.versions.node}\n`,
  );
  process.exitCode = 2;
}
