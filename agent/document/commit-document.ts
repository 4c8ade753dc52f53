import type { EventRecord } from '../event/record.ts';
import type { Batch } from '../sink/batch.ts';
import type { DocumentEncoder } from './document-encoder.ts';

/**
 * Takes the document that the encoder has just written to `batch.buffer` into the batch, with all that `restoreLine` needs to give
 * the line back. `end` is the end of everything written for it, line feed included; the document's own start in the batch is
 * `batch.length`, so a line that precedes the document (a bulk action) belongs to it.
 */
export function commitDocument(
  encoder: DocumentEncoder,
  record: EventRecord,
  batch: Batch,
  end: number,
): void {
  const index = batch.count;
  batch.commit(end, encoder.eventStart, {
    file: record.file,
    start: record.offset,
    end: record.offset + record.lineBytes,
  });
  if (record.rawLine !== undefined) batch.rawLines.set(index, record.rawLine);
  else if (!encoder.restorable) {
    batch.rawLines.set(index, Buffer.from(record.bytes.subarray(record.start, record.end)));
  } else if (encoder.keyUnderscores.length > 0) {
    batch.keyUnderscores.set(index, [...encoder.keyUnderscores]);
  }
}
