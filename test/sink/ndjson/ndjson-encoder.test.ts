import { describe, expect, it } from '@jest/globals';
import { Batch } from '../../../agent/sink/batch.ts';
import { createNdjsonEncoder } from '../../../agent/sink/ndjson/ndjson-encoder.ts';
import type { LineFormat } from '../../../agent/sink/ndjson/ndjson-encoder.ts';
import { auditLine } from '../../support/audit-line.ts';
import { recordOf } from '../../support/event-record.ts';

const BODIES = { requestObject: { kind: 'Pod' }, responseObject: { kind: 'Pod' } };
const document = { nodeName: 'n', clusterName: 'c', agentVersion: '1', logName: 'l' };

function put(format: LineFormat, line: string | Buffer, form: 'whole' | 'without-bodies' = 'whole') {
  const encoder = createNdjsonEncoder({ format, document, nowMs: () => 0 });
  const record = recordOf(line);
  if (record === undefined) throw new Error('the scan does not take the line');
  const batch = new Batch(Buffer.alloc(encoder.maxBytes(record, form) + 4));
  batch.buffer.write('head');
  encoder.put(record, batch, { at: 4, form });
  const output = batch.buffer.subarray(4, batch.length);
  return { output, lineOf: encoder.lineOf(batch, 0, 4) };
}

describe('ndjson encoder', () => {
  it('writes the line of the log as it stands where the format is raw', () => {
    const line = auditLine(0, BODIES);
    const { output, lineOf } = put('raw', line);

    expect(output.toString()).toBe(`${line}\n`);
    expect(lineOf.toString()).toBe(line);
  });

  it('keeps the bytes of a raw line that is no UTF-8', () => {
    const line = Buffer.from(auditLine(0, { userAgent: '\u00e9' }), 'latin1');
    const { output, lineOf } = put('raw', line);

    expect(output).toEqual(Buffer.concat([line, Buffer.from('\n')]));
    expect(lineOf).toEqual(line);
  });

  it('leaves the bodies out where the line is too large, and knows the line still', () => {
    const line = auditLine(0, BODIES);
    const { output, lineOf } = put('raw', line, 'without-bodies');

    expect(output.toString()).toBe(`${auditLine(0)}\n`);
    expect(lineOf.toString()).toBe(line);
  });

  it.each(['whole', 'without-bodies'] as const)('writes a document of one line (%s)', (form) => {
    const { output } = put('document', auditLine(0, BODIES), form);

    expect(output.indexOf('\n')).toBe(output.length - 1);
    const written: unknown = JSON.parse(output.toString());
    expect(written).toMatchObject({ event: { dataset: 'kubernetes.audit_logs' } });
    expect(written).toHaveProperty('kubernetes.audit.auditID');
    if (form === 'whole')
      expect(written).toHaveProperty('kubernetes.audit.requestObject', BODIES.requestObject);
    else expect(written).not.toHaveProperty('kubernetes.audit.requestObject');
  });

  it('gives the line of a document back', () => {
    const line = auditLine(0, BODIES);
    expect(put('document', line).lineOf.toString()).toBe(line);
  });
});
