import { mkdir } from 'node:fs/promises';
import { startAgent } from './agent-process.ts';
import type { AgentProcess } from './agent-process.ts';
import type { EndpointProcess, Received } from './endpoint-process.ts';
import type { SinkBlock } from './sinks.ts';
import { waitUntil } from './wait-until.ts';

const POLL_INTERVAL_MS = 50;

export interface RunOptions {
  readonly directory: string;
  readonly logPath: string;
  readonly sinks: readonly SinkBlock[];
  readonly signal: AbortSignal;
}

/** Starts an agent, lets `use` look at it, and stops it whatever happens. What it printed is told where `use` fails. */
export async function withAgent<T>(
  options: RunOptions,
  use: (agent: AgentProcess) => Promise<T>,
): Promise<T> {
  await mkdir(options.directory, { recursive: true });
  const agent = await startAgent(options);
  try {
    return await use(agent);
  } catch (error) {
    throw new Error(`${String(error)}\nThe agent printed last:\n${await agent.output()}`, { cause: error });
  } finally {
    await agent.stop();
  }
}

/** Waits until the position file of each sink says that the log is settled to its end. */
export async function untilSettled(
  agent: AgentProcess,
  sinks: readonly SinkBlock[],
  wait: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const allSettled = async (): Promise<true | undefined> => {
    await agent.assertRunning();
    for (const sink of sinks) if (!(await agent.hasSettled(sink.name))) return undefined;
    return true;
  };
  await waitUntil('the log is settled to its end', allSettled, { ...wait, intervalMs: POLL_INTERVAL_MS });
}

/** Waits for that many documents since `before`; more than those is a failure too, for then some were sent twice. */
export async function untilReceived(
  agent: AgentProcess,
  endpoint: EndpointProcess,
  wanted: {
    documents: number;
    before: Received;
    timeoutMs: number;
    intervalMs?: number;
    signal: AbortSignal;
  },
): Promise<Received> {
  const enough = async (): Promise<Received | undefined> => {
    await agent.assertRunning();
    const received = await endpoint.received();
    const documents = received.documents - wanted.before.documents;
    if (documents > wanted.documents)
      throw new Error(`${documents} documents arrived, ${wanted.documents} were written`);
    return documents === wanted.documents ? received : undefined;
  };
  const { timeoutMs, signal, intervalMs = POLL_INTERVAL_MS } = wanted;
  return waitUntil(`${wanted.documents} documents`, enough, { timeoutMs, intervalMs, signal });
}
