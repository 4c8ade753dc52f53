import { describe, expect, it } from '@jest/globals';
import { Ledger } from '../../agent/checkpoint/ledger.ts';
import { systemClock } from '../../agent/clock.ts';
import { ByteBudget } from '../../agent/memory/byte-budget.ts';
import { type DeadLine, Shipper } from '../../agent/pipeline/shipper.ts';
import { newShipperStatus } from '../../agent/pipeline/shipper-status.ts';
import type { SendResult } from '../../agent/sink/sink.ts';
import type { InternalEvent } from '../../agent/telemetry/events.ts';
import { auditLine } from '../support/audit-line.ts';
import { SCRIPTED_FILE, ScriptedLog, type ScriptedPiece } from '../support/scripted-follower.ts';
import { ScriptedSink } from '../support/scripted-sink.ts';

const labels = { log: 'kube-apiserver', sink: 'scripted' };

interface SceneOptions {
  readonly pieces: readonly ScriptedPiece[];
  readonly answer?: (words: string[], request: number) => SendResult | Promise<SendResult>;
  readonly maxBytes?: number;
  readonly maxEvents?: number;
  readonly budgetBytes?: number;
  readonly maxInFlight?: number;
  /** How far the clock jumps at each look. */
  readonly skipMs?: number;
}

function scene(options: SceneOptions) {
  const { pieces, answer = () => ({ status: 'delivered' }), maxBytes = 64 * 1024, maxEvents = 100 } = options;
  const log = new ScriptedLog(pieces);
  const sink = new ScriptedSink(answer, options.maxInFlight ?? 1);
  const ledger = new Ledger(undefined);
  const dead: DeadLine[] = [];
  const events: InternalEvent[] = [];
  const telemetry = { emit: (event: InternalEvent) => events.push(event) };
  const stop = new AbortController();
  const kill = new AbortController();
  const status = newShipperStatus(labels, 0);
  let skippedMs = 0;
  const monotonicMs = () => performance.now() + (skippedMs += options.skipMs ?? 0);
  const clock = {
    ...systemClock,
    monotonicMs,
    delay: (_: number, signal: AbortSignal) => systemClock.delay(1, signal),
  };
  const delivery = {
    sink,
    labels,
    telemetry,
    clock,
    random: () => 0,
    bury: async () => true,
    onSinkState: (reason: string) => (status.sinkReady = reason === ''),
  };
  const bury = async (line: DeadLine): Promise<boolean> => {
    dead.push({ ...line, line: line.line && Buffer.from(line.line) });
    return true;
  };
  const shipper = new Shipper(
    {
      labels,
      nodeName: 'control-plane-1',
      openFollower: (start) => log.follower(start),
      sink,
      ledger,
      limits: { maxBytes, maxEvents, maxAgeMs: 20 },
      budget: new ByteBudget(options.budgetBytes ?? 1024 ** 2),
      delivery,
      bury,
      status,
      telemetry,
      clock,
    },
    { stop: stop.signal, kill: kill.signal },
  );
  return { shipper, log, sink, ledger, dead, events, status, stop, kill };
}

type Scene = ReturnType<typeof scene>;

/** Runs the shipper until everything up to the offset is settled, then stops it. */
async function runTo(offset: number, at: Scene): Promise<void> {
  const run = at.shipper.run();
  for (let tries = 0; (at.ledger.checkpoint?.position.offset ?? -1) < offset; tries += 1) {
    if (tries > 20_000) throw new Error(`not settled up to ${offset}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  at.stop.abort();
  await run;
}

function textOf(numbers: readonly number[]): string {
  return numbers.map((number) => `${auditLine(number)}\n`).join('');
}

describe('Shipper', () => {
  it('delivers each line once and settles up to the end of the last one', async () => {
    const text = textOf([1, 2, 3, 4, 5]);
    const at = scene({ pieces: [{ text }], maxEvents: 2 });

    await runTo(text.length, at);

    expect(at.sink.delivered).toEqual([1, 2, 3, 4, 5].map((number) => auditLine(number)));
    expect(at.sink.requests.map((words) => words.length)).toEqual([2, 2, 1]);
    expect(at.ledger.checkpoint).toMatchObject({ position: { file: SCRIPTED_FILE, offset: text.length } });
    expect(at.ledger.checkpoint?.lastStageMs).toBe(Date.UTC(2026, 10, 21, 10, 0, 5));
  });

  it('settles a range that holds only blanks, and counts them', async () => {
    const text = '\n\n\0\0\0\0\n';
    const at = scene({ pieces: [{ text }] });

    await runTo(text.length, at);

    expect(at.sink.requests).toEqual([]);
    expect(at.events).toContainEqual(
      expect.objectContaining({ kind: 'lines', events: 0, empty: 3, nulBytes: 4 }),
    );
  });

  it('puts each bad line on record with its reason and range, and ships the rest', async () => {
    const bad = [
      'no json',
      '{"kind":"Event"}',
      '{"kind": 0}',
      '[1]',
      '{"kind":"Event","apiVersion":"audit.k8s.io/v1"',
    ];
    const lines = [auditLine(1), ...bad, auditLine(2)];
    const text = `${lines.join('\n')}\n`;
    const at = scene({ pieces: [{ text }] });

    await runTo(text.length, at);

    expect(at.sink.delivered).toEqual([auditLine(1), auditLine(2)]);
    expect(at.dead.map(({ reason }) => reason)).toEqual([
      'json',
      'not-audit',
      'not-audit',
      'not-audit',
      'json',
    ]);
    expect(at.dead.map(({ line }) => line?.toString())).toEqual(bad);
    expect(at.dead.map(({ start, end }) => text.slice(start, end))).toEqual(bad);
  });

  it('takes glued events apart and buries a torn line before them', async () => {
    const glued = auditLine(1) + auditLine(2);
    const torn = auditLine(3).slice(0, 120) + auditLine(4);
    const text = `${glued}\n${torn}\n`;
    const at = scene({ pieces: [{ text }] });

    await runTo(text.length, at);

    expect(at.sink.delivered).toEqual([auditLine(1), auditLine(2), auditLine(4)]);
    expect(at.dead.map(({ line }) => line?.toString())).toEqual([auditLine(3).slice(0, 120)]);
  });

  it('marks bytes that are no UTF-8 and goes on', async () => {
    const [head = '', tail = ''] = auditLine(1, { userAgent: 'a#b' }).split('#');
    const line = Buffer.concat([Buffer.from(head), Buffer.from([0xff]), Buffer.from(tail)]);
    const text = Buffer.concat([line, Buffer.from(`\n${auditLine(2)}\n`)]);
    const at = scene({ pieces: [{ text }] });

    await runTo(text.length, at);

    expect(Buffer.from(at.sink.delivered[0] ?? '', 'latin1').toString()).toBe(
      auditLine(1, { userAgent: 'a\ufffdb' }),
    );
    expect(at.sink.delivered[1]).toBe(auditLine(2));
    expect(at.events).toContainEqual(
      expect.objectContaining({ kind: 'lines', events: 2, unusual: 1, degraded: 1 }),
    );
  });

  it('buries the unfinished end of a finished file and a line beyond the limit', async () => {
    const text = textOf([1]);
    const at = scene({
      pieces: [{ text }, { incomplete: '{"kind":' }, { oversizeBytes: 5000 }, { text: textOf([2]) }],
    });

    await runTo(2 * text.length + 5008, at);

    expect(at.dead).toMatchObject([
      { reason: 'incomplete-line', start: text.length, end: text.length + 8 },
      { reason: 'oversize', start: text.length + 8, end: text.length + 5008, line: undefined },
    ]);
    expect(at.sink.delivered).toEqual([auditLine(1), auditLine(2)]);
  });

  it('tells the sink of a gap, with the times around it, once it knows what follows', async () => {
    const gap = { reason: 'file-deleted', file: SCRIPTED_FILE, offset: 10, unreadBytes: 77 } as const;
    const text = textOf([1]);
    const at = scene({ pieces: [{ text }, { gap }, { text: textOf([2]) }] });

    await runTo(2 * text.length, at);

    expect(at.sink.delivered.toSorted()).toEqual(['own:gap', auditLine(1), auditLine(2)]);
    expect(at.events).toContainEqual(expect.objectContaining({ kind: 'gap', unreadBytes: 77 }));
  });

  it('tells of a gap also where nothing follows it', async () => {
    const gap = { reason: 'truncated', file: SCRIPTED_FILE, offset: 10, unreadBytes: undefined } as const;
    const text = textOf([1]);
    const at = scene({ pieces: [{ text }, { gap }], skipMs: 20_000 });
    const run = at.shipper.run();

    while (!at.sink.delivered.includes('own:gap')) await new Promise((resolve) => setImmediate(resolve));
    at.stop.abort();
    await run;

    expect(at.sink.delivered).toEqual([auditLine(1), 'own:gap']);
    expect(at.ledger.checkpoint?.position.offset).toBe(text.length);
  });

  it('does not settle past a batch that is still on its way', async () => {
    const text = textOf([1, 2, 3]);
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const at = scene({
      pieces: [{ text }],
      maxEvents: 1,
      maxInFlight: 3,
      answer: async (_, request) => {
        if (request === 2) await held;
        return { status: 'delivered' };
      },
    });
    const run = at.shipper.run();
    while (at.sink.delivered.length < 2) await new Promise((resolve) => setImmediate(resolve));

    const before = at.ledger.checkpoint?.position.offset;
    release();
    at.stop.abort();
    await run;

    expect(before).toBe(text.length / 3);
    expect(at.ledger.checkpoint?.position.offset).toBe(text.length);
  });

  it('ships a line larger than a batch by itself, and holds no memory while the sink is away', async () => {
    const large = auditLine(2, { requestObject: { kind: 'ConfigMap', text: 'x'.repeat(200_000) } });
    const text = `${auditLine(1)}\n${large}\n${auditLine(3)}\n`;
    let openedWhileAway = 0;
    const at: Scene = scene({
      pieces: [{ text }],
      answer: (words, request) => {
        if (words[0] !== large) return { status: 'delivered' };
        if (request < 5) return { status: 'retry', retry: { reason: 'connect', detail: 'refused' } };
        openedWhileAway = at.log.opened;
        return { status: 'delivered' };
      },
    });

    await runTo(text.length, at);

    expect(at.sink.delivered).toEqual([auditLine(1), large, auditLine(3)]);
    expect(openedWhileAway).toBeGreaterThan(3);
    const alone = at.events.filter(({ kind }) => kind === 'batch-retry' || kind === 'batch-settled');
    expect(alone).toMatchObject([
      { kind: 'batch-settled', documents: 1 },
      ...[1, 2, 3].map((attempt) => ({ kind: 'batch-retry', attempt, reason: 'connect', documents: 1 })),
      { kind: 'batch-settled', documents: 1, lineBytes: large.length },
      { kind: 'batch-settled', documents: 1 },
    ]);
  });

  it('ships a line without its bodies where the whole can never fit into memory', async () => {
    const large = auditLine(2, { requestObject: { kind: 'ConfigMap', text: 'x'.repeat(600_000) } });
    const text = `${auditLine(1)}\n${large}\n${auditLine(3)}\n`;
    const at = scene({ pieces: [{ text }], budgetBytes: 900_000 });

    await runTo(text.length, at);

    expect(at.sink.delivered).toEqual([auditLine(1), 'reduced', auditLine(3)]);
    expect(at.events).toContainEqual(expect.objectContaining({ kind: 'document-reduced', why: 'memory' }));
  });

  it('delivers what it has read before it stops, and nothing more once killed', async () => {
    const text = textOf([1, 2]);
    const drained = scene({ pieces: [{ text }] });
    const run = drained.shipper.run();
    while (drained.status.lagBytes === 0) await new Promise((resolve) => setImmediate(resolve));
    drained.stop.abort();
    await run;
    expect(drained.sink.delivered).toHaveLength(2);

    const away: SendResult = { status: 'retry', retry: { reason: 'connect', detail: 'refused' } };
    const killed = scene({ pieces: [{ text }], answer: () => away });
    const stuck = killed.shipper.run();
    while (killed.sink.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    killed.stop.abort();
    killed.kill.abort();
    await stuck;
    expect(killed.ledger.checkpoint).toBeUndefined();
  });
});
