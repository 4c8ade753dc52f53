import { join } from 'node:path';
import { type Checkpoint, Ledger } from '../checkpoint/ledger.ts';
import { PositionFile } from '../checkpoint/position-file.ts';
import type { Clock } from '../clock.ts';
import type { BatchSettings, LogSettings } from '../config/schema.ts';
import { createLogFollower } from '../log/follower.ts';
import type { LineBudget } from '../log/line-framer.ts';
import type { LogFollower, LogPosition } from '../log/log.ts';
import type { ReadBrake } from '../log/read-brake.ts';
import { resolveLogEnd } from '../log/start.ts';
import type { LogWake } from '../log/wake.ts';
import type { ByteBudget } from '../memory/byte-budget.ts';
import { Checkpointer } from '../pipeline/checkpointer.ts';
import type { DeadDocument, DeliveryOptions } from '../pipeline/delivery.ts';
import { type DeadLine, Shipper, type ShipperOptions, type ShipperSignals } from '../pipeline/shipper.ts';
import { newShipperStatus, type ShipperStatus } from '../pipeline/shipper-status.ts';
import { SinkState } from '../pipeline/sink-state.ts';
import type { DeadLetter, DeadLetterStore } from '../sink/dead-letter/dead-letter-store.ts';
import type { Sink } from '../sink/sink.ts';
import type { ShipperLabels, Telemetry } from '../telemetry/events.ts';

/** How often a log that cannot be read is looked at again while its start is to be chosen. */
const START_RETRY_MS = 1_000;

/** What the shippers of one log share. */
export interface SharedLog {
  readonly settings: LogSettings;
  readonly wake: LogWake;
  readonly brake: ReadBrake;
}

export interface WireOptions {
  readonly log: SharedLog;
  readonly sinkName: string;
  readonly sink: Sink;
  readonly limits: BatchSettings;
  readonly stateDir: string;
  readonly checkpointIntervalMs: number;
  readonly nodeName: string;
  readonly budget: ByteBudget;
  readonly deadLetters: DeadLetterStore;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: () => number;
}

/** A (log, sink) pair with everything around it, not started. */
export interface WiredShipper {
  readonly status: ShipperStatus;
  /** Resolves once stopped and drained, with the last position written. */
  run(): Promise<void>;
}

interface Pair extends WireOptions {
  readonly labels: ShipperLabels;
  readonly status: ShipperStatus;
  readonly sinkState: SinkState;
  readonly signals: ShipperSignals;
}

/** Puts one (log, sink) pair together. */
export function wireShipper(options: WireOptions, signals: ShipperSignals): WiredShipper {
  const labels = { log: options.log.settings.name, sink: options.sinkName };
  const status = newShipperStatus(labels, options.clock.monotonicMs());
  const sinkState = new SinkState({ status, labels, telemetry: options.telemetry });
  const pair: Pair = { ...options, labels, status, sinkState, signals };
  return { status, run: () => runPair(pair) };
}

async function runPair(pair: Pair): Promise<void> {
  const { labels, sink, signals, stateDir, clock, telemetry } = pair;
  const path = join(stateDir, 'position', `${labels.log}.${labels.sink}.json`);
  const positionFile = new PositionFile({ path, ...labels, nowMs: clock.nowMs });
  const start = await startOf(positionFile, pair);
  if (start.status === 'stopped') return;
  const ledger = new Ledger(start.checkpoint);
  await sink.open(start.checkpoint?.sinkState, signals.stop);
  const shipper = new Shipper(shipperOptions(pair, ledger), signals);
  const intervalMs = pair.checkpointIntervalMs;
  const checkpointer = new Checkpointer({ ledger, positionFile, sink, intervalMs, labels, telemetry, clock });
  await runToEnd(shipper, checkpointer, sink);
}

/** `checkpoint` undefined: begin at the oldest retained file. */
type Start = { status: 'known'; checkpoint: Checkpoint | undefined } | { status: 'stopped' };

async function startOf(positionFile: PositionFile, pair: Pair): Promise<Start> {
  const { telemetry, labels, log } = pair;
  const { startAt } = log.settings;
  const loaded = await positionFile.load();
  switch (loaded.status) {
    case 'loaded': {
      const { checkpoint } = loaded;
      const { file, offset } = checkpoint.position;
      telemetry.emit({
        kind: 'position-loaded',
        path: file.path,
        fingerprint: file.fingerprint,
        offset,
        ...labels,
      });
      return { status: 'known', checkpoint };
    }
    case 'corrupt': {
      // Whatever `startAt` says: what the lost position had not passed would be lost with it.
      const { setAside, detail } = loaded;
      telemetry.emit({ kind: 'position-corrupt', setAside, detail, ...labels });
      return { status: 'known', checkpoint: undefined };
    }
    case 'beginning':
      telemetry.emit({ kind: 'position-absent', startAt: 'beginning', ...labels });
      return { status: 'known', checkpoint: undefined };
    case 'absent':
      telemetry.emit({ kind: 'position-absent', startAt, ...labels });
      if (startAt === 'beginning') return { status: 'known', checkpoint: undefined };
      return startAtEnd(positionFile, pair);
  }
}

/** The choice is written before the first read, so that a crash before the first batch cannot move it past unread events. */
async function startAtEnd(positionFile: PositionFile, pair: Pair): Promise<Start> {
  const { log, clock, signals, status } = pair;
  const { path } = log.settings;
  while (!signals.stop.aborted) {
    status.lastTurnMs = clock.monotonicMs();
    const chosen = await resolveLogEnd(path, clock, signals.stop);
    if (chosen.status === 'position') {
      const checkpoint = { position: chosen.position, lastStageMs: 0, sinkState: undefined };
      await positionFile.write(checkpoint);
      return { status: 'known', checkpoint };
    }
    if (chosen.status === 'nothing-there') {
      await positionFile.writeBeginning();
      return { status: 'known', checkpoint: undefined };
    }
    if (chosen.error !== undefined) {
      const { code, message } = chosen.error;
      pair.telemetry.emit({ kind: 'log-unreadable', path, code, detail: message, ...pair.labels });
    }
    await clock.delay(START_RETRY_MS, signals.stop);
  }
  return { status: 'stopped' };
}

async function runToEnd(shipper: Shipper, checkpointer: Checkpointer, sink: Sink): Promise<void> {
  const ended = new AbortController();
  const checkpoints = checkpointer.run(ended.signal);
  try {
    await shipper.run();
  } finally {
    ended.abort();
    await checkpoints;
    await checkpointer.write();
    await sink.close();
  }
}

function shipperOptions(pair: Pair, ledger: Ledger): ShipperOptions {
  return {
    ...pair,
    ledger,
    openFollower: (position) => openFollower(pair, position),
    delivery: deliveryOptions(pair),
    bury: (line, signal) => buryLine(line, pair, signal),
  };
}

function openFollower(pair: Pair, start: LogPosition | undefined): LogFollower {
  const { labels, telemetry, clock } = pair;
  const { settings, brake, wake } = pair.log;
  const { path, maxLineBytes } = settings;
  const budget = lineBudget(pair);
  return createLogFollower({ path, start, maxLineBytes, labels, budget, brake, wake, telemetry, clock });
}

/** While a long line waits for memory the loop does not turn: what it waits for must have its name, or the agent seems stuck. */
function lineBudget({ budget, status }: Pair): LineBudget {
  return {
    get leasableBytes() {
      return budget.leasableBytes;
    },
    acquire: async (bytes, signal) => {
      status.waitingFor = 'memory';
      const lease = await budget.acquire(bytes, signal);
      status.waitingFor = '';
      return lease;
    },
  };
}

function deliveryOptions(pair: Pair): DeliveryOptions {
  const { sink, telemetry, clock, random, labels, sinkState } = pair;
  return {
    sink,
    labels,
    telemetry,
    clock,
    random,
    bury: (documents, signal) => buryDocuments(documents, pair, signal),
    onSinkState: (reason, detail) => sinkState.delivery(reason, detail),
  };
}

function buryLine(dead: DeadLine, pair: Pair, signal: AbortSignal): Promise<boolean> {
  const { reason, line } = dead;
  return bury([{ reason, range: rangeOf(dead), line }], pair, signal);
}

function buryDocuments(
  documents: readonly DeadDocument[],
  pair: Pair,
  signal: AbortSignal,
): Promise<boolean> {
  const letters = documents.flatMap(({ batch, index, reason, detail }) => {
    const origin = batch.origin(index);
    if (origin === undefined) return [];
    return [{ reason, detail, range: rangeOf(origin), line: pair.sink.lineOf(batch, index) }];
  });
  return bury(letters, pair, signal);
}

function rangeOf({ file, start, end }: Pick<DeadLine, 'file' | 'start' | 'end'>): DeadLetter['range'] {
  return { file: file.path, fingerprint: file.fingerprint, start, end };
}

/** Writes dead letters; while there is no room the shipper waits, and says so. */
async function bury(letters: readonly DeadLetter[], pair: Pair, signal: AbortSignal): Promise<boolean> {
  const { deadLetters, labels, sinkState } = pair;
  const wait = sinkState.letters();
  const written = await deadLetters.write(labels, letters, signal, wait.blocked);
  wait.ended();
  return written;
}
