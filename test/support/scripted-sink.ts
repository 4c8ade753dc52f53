import type { EventRecord } from '../../agent/event/record.ts';
import type { OwnRecord } from '../../agent/event/own-record.ts';
import { Batch } from '../../agent/sink/batch.ts';
import type { Reduction, SendResult, Sink } from '../../agent/sink/sink.ts';

const FILE = { fingerprint: 'f'.repeat(64), path: '/audit.log', inode: 1 };

/** A sealed batch whose documents are the given words, each followed by a line feed. */
export function batchOfWords(words: readonly string[]): Batch {
  const batch = new Batch(Buffer.alloc(words.reduce((sum, word) => sum + word.length + 1, 0)));
  for (const word of words) commitWord(batch, word);
  return batch;
}

export function wordsOf(batch: Batch): string[] {
  return batch.buffer.toString('latin1', 0, batch.length).split('\n').slice(0, -1);
}

function commitWord(batch: Batch, word: string): void {
  const start = batch.length;
  const end = start + batch.buffer.write(`${word}\n`, start, 'latin1');
  batch.commit(end, start, { file: FILE, start: batch.count * 10, end: batch.count * 10 + word.length });
}

/**
 * A sink in memory that answers as it is told. A document is a word; a word that begins with a capital letter has bodies, and loses
 * the capital when it is reduced. What is delivered is collected in `delivered`.
 */
export class ScriptedSink implements Sink {
  readonly maxInFlight: number;
  readonly delivered: string[] = [];
  readonly requests: string[][] = [];
  readonly #answer: (words: string[], request: number) => SendResult | Promise<SendResult>;

  constructor(
    answer: (words: string[], request: number) => SendResult | Promise<SendResult>,
    maxInFlight = 1,
  ) {
    this.#answer = answer;
    this.maxInFlight = maxInFlight;
  }

  async open(): Promise<void> {}

  encode(record: EventRecord, batch: Batch): number {
    const { bytes, start, end, file, offset, lineBytes } = record;
    const needed = end - start + 1;
    if (batch.length + needed > batch.buffer.length) return needed;
    bytes.copy(batch.buffer, batch.length, start, end);
    batch.buffer[batch.length + needed - 1] = 10;
    batch.commit(batch.length + needed, batch.length, { file, start: offset, end: offset + lineBytes });
    return 0;
  }

  encodeOwn(record: OwnRecord, batch: Batch): number {
    const needed = record.kind.length + 5;
    if (batch.length + needed > batch.buffer.length) return needed;
    commitWord(batch, `own:${record.kind}`);
    return 0;
  }

  encodeReduced(record: EventRecord, batch: Batch): number {
    if (batch.length + 8 > batch.buffer.length) return 8;
    commitWord(batch, 'reduced');
    return record.lineBytes > 0 ? 0 : 8;
  }

  async send(batch: Batch): Promise<SendResult> {
    const words = wordsOf(batch);
    this.requests.push(words);
    const result = await this.#answer(words, this.requests.length);
    this.delivered.push(...takenOf(words, result));
    return result;
  }

  reduce(batch: Batch, index: number, reduction: Reduction): Batch | undefined {
    const word = wordsOf(batch)[index] ?? '';
    if (word.toLowerCase() === word) return undefined;
    return batchOfWords([
      reduction === 'without-bodies' ? word.slice(0, 1).toLowerCase() : word.toLowerCase(),
    ]);
  }

  lineOf(batch: Batch, index: number): Buffer {
    return Buffer.from(wordsOf(batch)[index] ?? '');
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {}
}

function takenOf(words: string[], result: SendResult): string[] {
  if (result.status === 'too-large') return [];
  const refused = new Set(
    (result.status === 'delivered' ? [] : (result.rejected ?? [])).map(({ index }) => index),
  );
  if (result.status !== 'retry') return words.filter((_, index) => !refused.has(index));
  const again = result.which ?? words.map((_, index) => index);
  return words.filter((_, index) => !refused.has(index) && !again.includes(index));
}
