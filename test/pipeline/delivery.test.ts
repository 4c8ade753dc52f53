import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Clock } from '../../agent/clock.ts';
import {
  type DeadDocument,
  deliver,
  deliverOnce,
  type DeliveryOptions,
} from '../../agent/pipeline/delivery.ts';
import type { Rejection, SendResult } from '../../agent/sink/sink.ts';
import type { InternalEvent } from '../../agent/telemetry/events.ts';
import { batchOfWords, ScriptedSink, wordsOf } from '../support/scripted-sink.ts';

const labels = { log: 'kube-apiserver', sink: 'scripted' };
const throttled = { reason: 'throttled', detail: '429' } as const;
const never = new AbortController().signal;

/** Delivery with a clock that does not wait but writes down how long it would have. */
function scene(sink: ScriptedSink) {
  const waits: number[] = [];
  const buried: string[] = [];
  const events: InternalEvent[] = [];
  const states: string[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    delay: async (ms) => {
      waits.push(ms);
    },
  };
  const bury = async (documents: readonly DeadDocument[]): Promise<boolean> => {
    buried.push(...documents.map(({ batch, index, reason }) => `${wordsOf(batch)[index]}: ${reason}`));
    return true;
  };
  const options: DeliveryOptions = {
    sink,
    labels,
    telemetry: { emit: (event) => events.push(event) },
    clock,
    random: () => 1,
    bury,
    onSinkState: (reason) => states.push(reason),
  };
  return { options, waits, buried, events, states };
}

function refuse(words: readonly string[], bad: (word: string) => boolean): Rejection[] {
  return words.flatMap((word, index) =>
    bad(word) ? [{ index, kind: 'mapper_parsing_exception', detail: '' }] : [],
  );
}

describe('deliver', () => {
  it('settles what the sink takes, and hands on its state', async () => {
    const sink = new ScriptedSink(() => ({ status: 'delivered', state: { length: 9 } }));
    const { options, events } = scene(sink);

    const outcome = await deliver(batchOfWords(['a', 'b']), options, never);

    expect(outcome).toEqual({ status: 'settled', sinkState: { length: 9 } });
    expect(sink.delivered).toEqual(['a', 'b']);
    expect(events).toMatchObject([{ kind: 'batch-settled', documents: 2, attempts: 1 }]);
  });

  it('sends again only what was not taken', async () => {
    const sink = new ScriptedSink((_, request) =>
      request === 1 ? { status: 'retry', retry: throttled, which: [1, 3] } : { status: 'delivered' },
    );
    const { options } = scene(sink);

    await deliver(batchOfWords(['a', 'b', 'c', 'd']), options, never);

    expect(sink.requests).toEqual([
      ['a', 'b', 'c', 'd'],
      ['b', 'd'],
    ]);
    expect(sink.delivered).toEqual(['a', 'c', 'b', 'd']);
  });

  it('waits longer from attempt to attempt, up to 30 seconds, and never gives up', async () => {
    const sink = new ScriptedSink((_, request) =>
      request <= 40
        ? { status: 'retry', retry: { reason: 'connect', detail: 'refused' } }
        : { status: 'delivered' },
    );
    const { options, waits } = scene(sink);

    await deliver(batchOfWords(['a']), options, never);

    expect(waits.slice(0, 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(waits).toHaveLength(40);
    expect(sink.delivered).toEqual(['a']);
  });

  it('waits at least as long as the server asks for', async () => {
    const sink = new ScriptedSink((_, request) =>
      request === 1 ? { status: 'retry', retry: { ...throttled, afterMs: 7000 } } : { status: 'delivered' },
    );
    const { options, waits } = scene(sink);

    await deliver(batchOfWords(['a']), options, never);

    expect(waits).toEqual([7500]);
  });

  it('does not believe a server that asks for a wait of days', async () => {
    const sink = new ScriptedSink((_, request) =>
      request === 1
        ? { status: 'retry', retry: { ...throttled, afterMs: 864_000_000 } }
        : { status: 'delivered' },
    );
    const { options, waits } = scene(sink);

    await deliver(batchOfWords(['a']), options, never);

    expect(waits).toEqual([300_500]);
  });

  it('sends a refused document once more in another form, and buries it when that is refused too', async () => {
    const sink = new ScriptedSink((words) => {
      const rejected = refuse(words, (word) => word !== word.toLowerCase() || word.includes('x'));
      return rejected.length > 0 ? { status: 'rejected', rejected } : { status: 'delivered' };
    });
    const { options, buried, events } = scene(sink);

    const outcome = await deliver(batchOfWords(['a', 'Bad', 'c', 'Badx', 'x']), options, never);

    expect(outcome.status).toBe('settled');
    expect(sink.delivered).toEqual(['a', 'c', 'bad']);
    expect(buried).toEqual(['badx: mapper_parsing_exception', 'x: mapper_parsing_exception']);
    expect(events.filter(({ kind }) => kind === 'document-reduced')).toHaveLength(2);
  });

  it('halves a batch that is too large until it is taken, and makes a single document smaller', async () => {
    const sink = new ScriptedSink((words) =>
      words.join('').length > 4 ? { status: 'too-large', detail: '413' } : { status: 'delivered' },
    );
    const { options, buried } = scene(sink);

    await deliver(batchOfWords(['aa', 'bb', 'cc', 'Dddddddd', 'eeeeeeee']), options, never);

    expect(sink.delivered).toEqual(['aa', 'bb', 'cc', 'd']);
    expect(buried).toEqual(['eeeeeeee: too-large']);
  });

  it('says that the sink is away, and that it is back', async () => {
    const sink = new ScriptedSink((_, request) =>
      request <= 2 ? { status: 'retry', retry: { reason: 'auth', detail: '401' } } : { status: 'delivered' },
    );
    const { options, states } = scene(sink);

    await deliver(batchOfWords(['a']), options, never);

    expect(states).toEqual(['auth', 'auth', '']);
  });

  it('stops between attempts when it is killed, with nothing settled', async () => {
    const kill = new AbortController();
    const sink = new ScriptedSink((_, request) => {
      if (request === 3) kill.abort();
      return { status: 'retry', retry: { reason: 'timeout', detail: '' } };
    });
    const { options } = scene(sink);

    expect(await deliver(batchOfWords(['a']), options, kill.signal)).toEqual({ status: 'stopped' });
    expect(sink.requests).toHaveLength(3);
  });

  it('delivers each document once or buries it, whatever the sink answers', async () => {
    const word = fc.stringMatching(/^[A-Za-e][a-z]{0,5}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(word, { minLength: 1, maxLength: 40 }),
        fc.infiniteStream(fc.nat({ max: 9 })),
        async (words, dice) => {
          const roll = (): number => Number(dice.next().value ?? 0);
          const sink = new ScriptedSink((sent, request) => randomAnswer(sent, request > 60 ? () => 9 : roll));
          const { options, buried } = scene(sink);

          const outcome = await deliver(batchOfWords(words), options, never);

          expect(outcome.status).toBe('settled');
          const ended = [...sink.delivered, ...buried.map((line) => line.split(':')[0] ?? '')];
          expect(ended).toHaveLength(words.length);
          const initials = (list: string[]) => list.map((one) => one.slice(0, 1).toLowerCase()).toSorted();
          expect(initials(ended)).toEqual(initials(words));
        },
      ),
      { numRuns: 200 },
    );
  });
});

function randomAnswer(sent: string[], roll: () => number): SendResult {
  const kind = roll();
  if (kind < 2) return { status: 'retry', retry: throttled };
  if (kind < 4) {
    const which = sent.map((_, index) => index).filter(() => roll() < 5);
    const rejected = refuse(sent, () => roll() < 2).filter(({ index }) => !which.includes(index));
    return { status: 'retry', retry: throttled, which, rejected };
  }
  if (kind < 5) return { status: 'too-large', detail: '' };
  if (kind < 6) return { status: 'rejected', rejected: refuse(sent, () => roll() < 3) };
  return { status: 'delivered' };
}

describe('deliverOnce', () => {
  it('leaves the batch to the caller when the sink is away', async () => {
    const sink = new ScriptedSink(() => ({
      status: 'retry',
      retry: { reason: 'connect', detail: 'refused' },
    }));
    const { options, waits } = scene(sink);

    const outcome = await deliverOnce(batchOfWords(['A']), options, never);

    expect(outcome).toEqual({ status: 'retry', retry: { reason: 'connect', detail: 'refused' } });
    expect(waits).toEqual([]);
  });

  it('makes the document smaller when it is too large for the server', async () => {
    const sink = new ScriptedSink((words) =>
      words.join('').length > 1 ? { status: 'too-large', detail: '413' } : { status: 'delivered', state: 5 },
    );
    const { options } = scene(sink);

    expect(await deliverOnce(batchOfWords(['Large']), options, never)).toEqual({
      status: 'settled',
      sinkState: 5,
    });
    expect(sink.delivered).toEqual(['l']);
  });
});
