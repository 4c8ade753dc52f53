import { shipperReserveBytes } from '../memory/footprint.ts';
import { formatByteSize } from './units.ts';

/** The settings that decide how much memory is needed. */
interface MemorySettings {
  readonly logs: readonly { readonly maxLineBytes: number }[];
  readonly sinks: readonly { readonly batch: { readonly maxBytes: number } }[];
  readonly memory: { readonly maxBufferedBytes: number };
}

/** Bytes that must be there at the same time for every (log, sink) to move, and for the longest line to pass once. */
function requiredBytes(config: MemorySettings): { reservedBytes: number; lineBytes: number } {
  const perLog = config.sinks.reduce((sum, sink) => sum + shipperReserveBytes(sink.batch.maxBytes), 0);
  const lineBytes = config.logs.reduce((longest, log) => Math.max(longest, log.maxLineBytes), 0);
  return { reservedBytes: perLog * config.logs.length, lineBytes };
}

/** Why the settings cannot fit into `memory.maxBufferedBytes`; undefined where they do. */
export function memoryProblem(config: MemorySettings): string | undefined {
  const { reservedBytes, lineBytes } = requiredBytes(config);
  const neededBytes = reservedBytes + lineBytes;
  if (neededBytes <= config.memory.maxBufferedBytes) return undefined;
  const pairs = config.logs.length * config.sinks.length;
  return (
    `${formatByteSize(config.memory.maxBufferedBytes)} cannot hold what the other settings need: ` +
    `${formatByteSize(reservedBytes)} for batches and reading (${pairs} times two batches of batch.maxBytes, a quarter ` +
    `more for sending them, and the read buffer) and ${formatByteSize(lineBytes)} for one line of maxLineBytes make ` +
    `${neededBytes} bytes; raise memory.maxBufferedBytes or lower batch.maxBytes or maxLineBytes`
  );
}
