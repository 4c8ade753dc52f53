import { isUtf8 } from 'node:buffer';
import { LineFields } from '../../agent/event/fields.ts';
import type { EventRecord, RecordFile } from '../../agent/event/record.ts';
import { scanLine } from '../../agent/event/scan.ts';

export const TEST_FILE: RecordFile = {
  fingerprint: '5e3f0b1cd2a49788e6b5a4c3d2e1f00123456789abcdef0123456789abcdef01',
  path: '/var/log/kubernetes/audit/audit.log',
  inode: 4711,
};

/** The record of a line, with other lines around it as in a chunk; undefined where the scan does not take the line. */
export function recordOf(line: string | Buffer, offset = 0): EventRecord | undefined {
  const raw = Buffer.from(line);
  const utf8 = isUtf8(raw);
  const text = utf8 ? raw : Buffer.from(raw.toString('utf8'));
  const bytes = Buffer.concat([Buffer.from('{"before":1}\n'), text, Buffer.from('\n{"after":1}\n')]);
  const start = 13;
  const fields = new LineFields();
  const end = scanLine(bytes, start, bytes.length, fields);
  if (end !== start + text.length) return undefined;
  return {
    bytes,
    start,
    end,
    fields,
    file: TEST_FILE,
    offset,
    lineBytes: raw.length,
    degraded: utf8 ? '' : 'utf8',
    rawLine: utf8 ? undefined : raw,
  };
}
