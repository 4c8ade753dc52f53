import { InvariantError } from '../errors.ts';
import { LineFields } from '../event/fields.ts';
import { scanLine } from '../event/scan.ts';
import type { Batch } from '../sink/batch.ts';

const DOT = 0x2e;
const UNDERSCORE = 0x5f;

/**
 * The line that a document of the batch was made of, byte for byte: the one that was kept, or else the event in the document with the
 * dots of its annotation keys put back.
 */
export function restoreLine(batch: Batch, index: number): Buffer {
  const kept = batch.rawLines.get(index);
  if (kept !== undefined) return kept;
  const origin = batch.origin(index);
  const start = batch.eventStarts[index] ?? 0;
  if (origin === undefined || start === 0)
    throw new InvariantError('a document without a line was asked for it');
  const line = Buffer.from(batch.buffer.subarray(start, start + origin.end - origin.start));
  restoreDots(line, new Set(batch.keyUnderscores.get(index)?.map((at) => at - start)));
  return line;
}

function restoreDots(line: Buffer, underscores: ReadonlySet<number>): void {
  const fields = new LineFields();
  if (scanLine(line, 0, line.length, fields) !== line.length) {
    throw new InvariantError('an event that was copied as it stood cannot be scanned');
  }
  for (let annotation = 0; annotation < fields.annotationCount; annotation += 1) {
    const end = fields.keyEnds[annotation] ?? 0;
    for (let at = fields.keyStarts[annotation] ?? 0; at < end; at += 1) {
      if (line[at] === UNDERSCORE && !underscores.has(at)) line[at] = DOT;
    }
  }
}
