import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const SCRIPT = join(import.meta.dirname, 'bulk-endpoint.ts');

export interface Received {
  readonly requests: number;
  readonly documents: number;
  readonly bodyBytes: number;
  readonly firstDocumentAtMs: number;
  readonly lastDocumentAtMs: number;
}

/** The bulk endpoint in a process of its own. */
export interface EndpointProcess {
  readonly url: string;
  received(): Promise<Received>;
  stop(): Promise<void>;
}

export async function startEndpoint(signal: AbortSignal): Promise<EndpointProcess> {
  const child = spawn(process.execPath, [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'], signal });
  child.on('error', () => {
    // Only the signal's abort can end here, and whoever aborts stops waiting for the endpoint.
  });
  const lines = createInterface({ input: child.stdout });
  const { value } = await lines[Symbol.asyncIterator]().next();
  const url = `http://127.0.0.1:${portOf(value)}`;
  return {
    url,
    received: async () => parseReceived(await (await fetch(`${url}/bench/received`, { signal })).json()),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}

function portOf(line: unknown): number {
  const announced: unknown = typeof line === 'string' ? JSON.parse(line) : undefined;
  if (typeof announced === 'object' && announced !== null && 'port' in announced) {
    if (typeof announced.port === 'number') return announced.port;
  }
  throw new Error('the bulk endpoint did not start');
}

function parseReceived(answer: unknown): Received {
  const numbers = new Map(Object.entries(answer ?? {}));
  const numberOf = (key: keyof Received): number => {
    const value: unknown = numbers.get(key);
    if (typeof value !== 'number') throw new Error(`the bulk endpoint told no ${key}`);
    return value;
  };
  return {
    requests: numberOf('requests'),
    documents: numberOf('documents'),
    bodyBytes: numberOf('bodyBytes'),
    firstDocumentAtMs: numberOf('firstDocumentAtMs'),
    lastDocumentAtMs: numberOf('lastDocumentAtMs'),
  };
}
