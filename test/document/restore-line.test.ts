import { describe, expect, it } from '@jest/globals';
import { commitDocument } from '../../agent/document/commit-document.ts';
import { restoreLine } from '../../agent/document/restore-line.ts';
import { InvariantError } from '../../agent/errors.ts';
import { Batch } from '../../agent/sink/batch.ts';
import { scanned, testEncoder } from '../support/encoded.ts';
import { TEST_FILE } from '../support/event-record.ts';
import { metadataEvent } from '../support/metadata-event.ts';

/** A batch of the documents of lines, each after an action line. */
function batchOf(lines: readonly (string | Buffer)[]): Batch {
  const encoder = testEncoder();
  const batch = new Batch(Buffer.alloc(1024 * 1024));
  for (const line of lines) {
    const record = scanned(line);
    const at = batch.length + batch.buffer.write('{"create":{}}\n', batch.length);
    const end = encoder.write(record, batch.buffer, at, 'whole');
    batch.buffer[end] = 10;
    commitDocument(encoder, record, batch, end + 1);
  }
  return batch;
}

const LINES: readonly (string | Buffer)[] = [
  JSON.stringify(metadataEvent()),
  JSON.stringify(metadataEvent({ annotations: { 'webhook.k8s.io/round_0_index_0': 'a.b', 'x_y/z': 'x_y' } })),
  JSON.stringify(metadataEvent({ annotations: undefined, requestObject: { annotations: { a_b: 'c.d' } } })),
  JSON.stringify(metadataEvent({ annotations: {} })),
  JSON.stringify(metadataEvent({ annotations: { 'a.b': '1', a_b: '2' } })),
  JSON.stringify(metadataEvent({ user: { username: 'x', extra: { '': ['1'] } } })),
  Buffer.from(JSON.stringify(metadataEvent({ userAgent: 'a\u00ff' })), 'latin1'),
];

function lineAt(index: number): string {
  return Buffer.from(LINES[index] ?? '').toString('latin1');
}

describe('restoring a line', () => {
  it('gives each line of a batch back byte for byte', () => {
    const batch = batchOf(LINES);

    for (const index of LINES.keys()) {
      expect(restoreLine(batch, index).toString('latin1')).toBe(lineAt(index));
    }
  });

  it('does so when only some of the documents are left, and from a part of the batch', () => {
    const batch = batchOf(LINES);
    const kept = [0, 1, 4, 5, 6];
    batch.keep(kept);
    const part = batch.part(1, 4);

    expect([0, 1, 2, 3, 4].map((index) => restoreLine(batch, index).toString('latin1'))).toEqual(
      kept.map(lineAt),
    );
    expect([0, 1, 2].map((index) => restoreLine(part, index).toString('latin1'))).toEqual(
      [1, 4, 5].map(lineAt),
    );
  });

  it('leaves the document as it is', () => {
    const batch = batchOf(LINES);
    const before = Buffer.from(batch.buffer);

    restoreLine(batch, 1);

    expect(batch.buffer.equals(before)).toBe(true);
  });

  it('refuses to make up a line for a document that has none', () => {
    const batch = new Batch(Buffer.alloc(100));
    batch.commit(10, 0, { file: TEST_FILE, start: 0, end: 0 });

    expect(() => restoreLine(batch, 0)).toThrow(InvariantError);
  });
});
