import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Batch } from '../../agent/sink/batch.ts';

const files = [0, 1].map((inode) => ({
  fingerprint: String(inode).repeat(64),
  path: `/log-${inode}`,
  inode,
}));

/** A batch of documents `texts`; each one's event begins after its first character. */
function batchOf(texts: readonly string[]): Batch {
  const batch = new Batch(Buffer.alloc(texts.join('').length));
  texts.forEach((text, index) => {
    const file = files[index % 2] ?? { fingerprint: '', path: '', inode: 0 };
    const eventStart = batch.length + 1;
    const end = batch.length + batch.buffer.write(text, batch.length, 'latin1');
    if (text.startsWith('r')) batch.rawLines.set(batch.count, Buffer.from(`raw ${text}`));
    if (text.startsWith('u')) batch.keyUnderscores.set(batch.count, [eventStart, eventStart + 1]);
    batch.commit(end, eventStart, { file, start: index * 100, end: index * 100 + text.length });
  });
  return batch;
}

/** Everything that a batch says of its documents, independent of where they stand in its buffer. */
function contentOf(batch: Batch) {
  return Array.from({ length: batch.count }, (_, index) => {
    const start = batch.documentStart(index);
    return {
      text: batch.buffer.toString('latin1', start, batch.documentEnd(index)),
      eventAt: (batch.eventStarts[index] ?? 0) - start,
      origin: batch.origin(index),
      raw: batch.rawLines.get(index)?.toString(),
      underscores: batch.keyUnderscores.get(index)?.map((at) => at - start),
    };
  });
}

const texts = fc.array(fc.stringMatching(/^[rux][a-z]{2,9}$/), { minLength: 1, maxLength: 600 });

describe('Batch', () => {
  it('knows each document and where it came from', () => {
    const batch = batchOf(['xone', 'rtwo', 'uthree']);

    expect(batch.count).toBe(3);
    expect(contentOf(batch).map((one) => one.text)).toEqual(['xone', 'rtwo', 'uthree']);
    expect(batch.origin(1)).toEqual({ file: files[1], start: 100, end: 104 });
    expect(batch.lineBytes).toBe(14);
  });

  it('keeps some documents as they were, in place', () => {
    fc.assert(
      fc.property(texts, fc.infiniteStream(fc.boolean()), (documents, choose) => {
        const batch = batchOf(documents);
        const before = contentOf(batch);
        const kept = documents.map((_, index) => index).filter(() => choose.next().value === true);

        batch.keep(kept);

        expect(contentOf(batch)).toEqual(kept.map((index) => before[index]));
      }),
      { numRuns: 60 },
    );
  });

  it('can be split into parts that hold the same documents without copying them', () => {
    fc.assert(
      fc.property(texts, fc.nat(), (documents, at) => {
        const batch = batchOf(documents);
        const middle = at % (documents.length + 1);

        const parts = [batch.part(0, middle), batch.part(middle, documents.length)];

        expect(parts.flatMap(contentOf)).toEqual(contentOf(batch));
        expect(parts.every((part) => part.buffer.buffer === batch.buffer.buffer)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('takes over the documents of another batch, or none of them where they do not fit', () => {
    const batch = new Batch(Buffer.alloc(16));

    expect(batch.append(batchOf(['uone', 'rtwo']))).toBe(true);
    expect(batch.append(batchOf(['xthree-four']))).toBe(false);
    expect(batch.append(batchOf(['ufive']))).toBe(true);

    expect(contentOf(batch).map((one) => one.text)).toEqual(['uone', 'rtwo', 'ufive']);
    expect(contentOf(batch).map((one) => one.underscores)).toEqual([[1, 2], undefined, [1, 2]]);
    expect(contentOf(batch).map((one) => one.raw)).toEqual([undefined, 'raw rtwo', undefined]);
  });

  it('is empty after a reset', () => {
    const batch = batchOf(['rone', 'utwo']);
    batch.body = Buffer.from('gz');

    batch.reset();

    expect(contentOf(batch)).toEqual([]);
    expect([batch.length, batch.lineBytes, batch.rawLines.size, batch.keyUnderscores.size]).toEqual([
      0, 0, 0, 0,
    ]);
    expect(batch.body).toBeUndefined();
  });
});
