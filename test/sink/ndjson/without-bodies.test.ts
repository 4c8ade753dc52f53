import { describe, expect, it } from '@jest/globals';
import { withoutBodies } from '../../../agent/sink/ndjson/without-bodies.ts';
import { auditLine } from '../../support/audit-line.ts';
import { recordedLines } from '../../support/audit-lines.ts';
import { recordOf } from '../../support/event-record.ts';

const BODIES = ['requestObject', 'responseObject'];

function reduced(line: string | Buffer): unknown {
  const record = recordOf(line);
  if (record === undefined) throw new Error('the scan does not take the line');
  const target = Buffer.alloc(record.end - record.start);
  return JSON.parse(target.toString('utf8', 0, withoutBodies(record, target, 0)));
}

function expected(line: string | Buffer): unknown {
  const event: unknown = JSON.parse(line.toString());
  if (typeof event !== 'object' || event === null) throw new Error('not an object');
  return Object.fromEntries(Object.entries(event).filter(([key]) => !BODIES.includes(key)));
}

describe('an event without its bodies', () => {
  const head = '"kind":"Event","apiVersion":"audit.k8s.io/v1"';

  it.each([
    auditLine(0),
    auditLine(0, { requestObject: { a: 1 }, responseObject: [1, { b: 2 }] }),
    `{${head},"requestObject":{"a":"}"}}`,
    `{"requestObject":{},"responseObject":[],${head}}`,
    `{"responseObject":"x",${head},"requestObject":{}}`,
    `{${head},"responseObject":7,"requestObject":{},"level":"Request"}`,
    `{"requestObject":{},${head},"responseObject":{}}`,
  ])('is %s but for them', (line) => {
    expect(reduced(line)).toEqual(expected(line));
  });

  it('is any recorded event but for them', () => {
    const lines = recordedLines('request-response').flatMap((log) => log.lines);
    if (lines.length === 0) console.log('skipped: no recorded logs');
    for (const line of lines) expect(reduced(line)).toEqual(expected(line));
  });
});
