import { describe, expect, it } from '@jest/globals';
import { documentId } from '../../../agent/event/document-id.ts';
import type { OwnRecord } from '../../../agent/event/own-record.ts';
import type { EventRecord } from '../../../agent/event/record.ts';
import { Batch } from '../../../agent/sink/batch.ts';
import { BulkEncoder } from '../../../agent/sink/bulk/bulk-encoder.ts';
import { restoreLine } from '../../../agent/document/restore-line.ts';
import { auditLine } from '../../support/audit-line.ts';
import { recordOf, TEST_FILE } from '../../support/event-record.ts';
import { sinkContext } from '../../support/elasticsearch-sink.ts';

const DATA_STREAM = 'logs-kubernetes.audit_logs-default';
const BODIES = { requestObject: { spec: { '': 'empty key' } }, responseObject: { status: 'x'.repeat(2000) } };

interface Item {
  readonly action: { readonly create: { readonly _id: string } };
  readonly document: Readonly<Record<string, unknown>> & {
    readonly kubernetes: { readonly audit: Readonly<Record<string, unknown>> };
    readonly k8s_audit?: Readonly<Record<string, unknown>>;
  };
}

function newEncoder(): BulkEncoder {
  return new BulkEncoder(sinkContext([]), DATA_STREAM);
}

function newBatch(bytes = 64 * 1024): Batch {
  return new Batch(Buffer.alloc(bytes));
}

function eventRecord(line: string | Buffer, offset = 0): EventRecord {
  const record = recordOf(line, offset);
  if (record === undefined) throw new Error('the scan does not take this line');
  return record;
}

/** The pairs of lines in a batch. */
function itemsOf(batch: Batch | undefined): Item[] {
  const lines = batch?.buffer.toString('utf8', 0, batch.length).split('\n') ?? [];
  expect(lines.pop()).toBe('');
  return Array.from({ length: lines.length / 2 }, (_, index) => ({
    action: JSON.parse(lines[index * 2] ?? '') as Item['action'],
    document: JSON.parse(lines[index * 2 + 1] ?? '') as Item['document'],
  }));
}

describe('BulkEncoder', () => {
  it('writes a create with the id that says where the line stands, and the document', () => {
    const encoder = newEncoder();
    const batch = newBatch();

    encoder.encode(eventRecord(auditLine(1), 4711), batch);
    encoder.encode(eventRecord(auditLine(2), 9000), batch);

    const items = itemsOf(batch);
    const place = {
      stageTimeMs: Date.UTC(2026, 10, 21, 10, 0, 1),
      fingerprint: TEST_FILE.fingerprint,
      offset: 4711,
    };
    expect(items[0]?.action).toEqual({ create: { _id: documentId(place) } });
    expect(items[1]?.action.create._id).not.toBe(items[0]?.action.create._id);
    expect(items[0]?.document.kubernetes.audit).toMatchObject({
      auditID: '00000000-0000-4000-8000-000000000001',
    });
    expect(batch.count).toBe(2);
  });

  it('says how many bytes it needs and leaves a batch without room alone', () => {
    const encoder = newEncoder();
    const batch = newBatch(1000);

    const needed = encoder.encode(eventRecord(auditLine(1)), batch);

    expect(needed).toBeGreaterThan(1000);
    expect([batch.count, batch.length]).toEqual([0, 0]);
    expect(encoder.encode(eventRecord(auditLine(1)), newBatch(needed))).toBe(0);
  });

  it('gives the line of a document back', () => {
    const line = auditLine(1, BODIES);
    const batch = newBatch();
    newEncoder().encode(eventRecord(line, 10), batch);

    expect(restoreLine(batch, 0).toString()).toBe(line);
  });

  it('turns a refused document into one with its bodies as text, under the same id', () => {
    const encoder = newEncoder();
    const batch = newBatch();
    const line = auditLine(1, BODIES);
    encoder.encode(eventRecord(auditLine(0), 0), batch);
    encoder.encode(eventRecord(line, 5000), batch);

    const reduced = encoder.reduce(batch, 1, 'bodies-as-text', 'document_parsing_exception');

    const [item] = itemsOf(reduced);
    expect(item?.action).toEqual(itemsOf(batch)[1]?.action);
    expect(item?.document.kubernetes.audit).not.toHaveProperty('requestObject');
    expect(item?.document.k8s_audit).toMatchObject({ bodies: expect.stringContaining('empty key') });
    expect(JSON.stringify(item?.document.k8s_audit)).toContain('document_parsing_exception');
    expect(reduced?.origin(0)).toEqual({ file: TEST_FILE, start: 5000, end: 5000 + line.length });
    expect(reduced === undefined ? '' : restoreLine(reduced, 0).toString()).toBe(line);
  });

  it('makes such a document of an event without bodies too: other members may be what was refused', () => {
    const encoder = newEncoder();
    const batch = newBatch();
    encoder.encode(eventRecord(auditLine(1)), batch);

    expect(encoder.reduce(batch, 0, 'bodies-as-text', 'why')?.count).toBe(1);
  });

  it('has no second form of that kind', () => {
    const encoder = newEncoder();
    const batch = newBatch();
    encoder.encode(eventRecord(auditLine(1, BODIES)), batch);
    const reduced = encoder.reduce(batch, 0, 'bodies-as-text', 'why');

    expect(reduced && encoder.reduce(reduced, 0, 'bodies-as-text', 'why')).toBeUndefined();
  });

  it('leaves the bodies out of what is too large, also where they are text already', () => {
    const encoder = newEncoder();
    const batch = newBatch();
    encoder.encode(eventRecord(auditLine(1, BODIES)), batch);
    const asText = encoder.reduce(batch, 0, 'bodies-as-text', 'why');

    const fromWhole = encoder.reduce(batch, 0, 'without-bodies', 'too-large');
    const fromText = asText && encoder.reduce(asText, 0, 'without-bodies', 'too-large');

    expect(itemsOf(fromWhole)[0]?.document.kubernetes.audit).not.toHaveProperty('responseObject');
    expect(itemsOf(fromText)[0]?.document.k8s_audit).not.toHaveProperty('bodies');
    expect(fromWhole && encoder.reduce(fromWhole, 0, 'without-bodies', 'too-large')).toBeUndefined();
  });

  it('has nothing to leave out of an event without bodies', () => {
    const encoder = newEncoder();
    const batch = newBatch();
    encoder.encode(eventRecord(auditLine(1)), batch);

    expect(encoder.reduce(batch, 0, 'without-bodies', 'too-large')).toBeUndefined();
  });

  it('reduces a line that is no UTF-8 to a document that is', () => {
    const encoder = newEncoder();
    const batch = newBatch();
    const text = auditLine(1, { requestObject: { note: '???' } });
    const line = Buffer.from(text.replace('???', '\u0001\u0001').replaceAll('\u0001', '?'));
    line[line.indexOf('??')] = 0xff;
    encoder.encode(eventRecord(line), batch);

    const reduced = encoder.reduce(batch, 0, 'bodies-as-text', 'document_parsing_exception');

    expect(itemsOf(reduced)[0]?.action).toEqual(itemsOf(batch)[0]?.action);
    expect(itemsOf(reduced)[0]?.document.k8s_audit).toMatchObject({
      bodies: expect.stringContaining('\uFFFD'),
    });
    expect(reduced && restoreLine(reduced, 0).equals(line)).toBe(true);
  });

  it('writes a line whose whole document cannot fit without its bodies', () => {
    const encoder = newEncoder();
    const line = auditLine(1, { responseObject: { data: 'x'.repeat(100_000) } });
    const batch = newBatch();

    expect(encoder.encode(eventRecord(line), batch)).toBeGreaterThan(64 * 1024);
    expect(encoder.encodeReduced(eventRecord(line), batch)).toBe(0);

    expect(itemsOf(batch)[0]?.document.kubernetes.audit).not.toHaveProperty('responseObject');
    expect(restoreLine(batch, 0).toString()).toBe(line);
  });

  it('writes records of the agent under ids of their own, and keeps them for the dead letter', () => {
    const record: OwnRecord = {
      kind: 'gap',
      node: 'node-1',
      timeMs: Date.UTC(2026, 10, 21),
      counter: 3,
      log: 'kube-apiserver',
      summary: 'a backup was deleted before it had been read',
      fields: { reason: 'file-deleted', unread_bytes: 12 },
    };
    const encoder = newEncoder();
    const batch = newBatch();

    expect(encoder.encodeOwn(record, batch)).toBe(0);
    expect(encoder.encodeOwn(record, newBatch(64))).toBeGreaterThan(64);

    expect(itemsOf(batch)[0]?.action).toEqual({ create: { _id: 'own-gap-1795219200000-3-node-1' } });
    expect(encoder.reduce(batch, 0, 'bodies-as-text', 'why')).toBeUndefined();
    expect(encoder.reduce(batch, 0, 'without-bodies', 'too-large')).toBeUndefined();
    expect(restoreLine(batch, 0).toString()).toContain('a backup was deleted');
  });
});
