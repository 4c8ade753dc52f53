import { SLOT } from '../../event/fields.ts';
import type { EventRecord } from '../../event/record.ts';

const COMMA = 0x2c;

const BODIES = [
  { slot: SLOT.requestObject, keyBytes: '"requestObject":'.length },
  { slot: SLOT.responseObject, keyBytes: '"responseObject":'.length },
] as const;

/** Writes the event without its bodies to `target[at..]` and returns the index just past it. */
export function withoutBodies(record: EventRecord, target: Buffer, at: number): number {
  const { bytes, fields } = record;
  const cuts = BODIES.filter(({ slot }) => fields.has(slot)).map(({ slot, keyBytes }) => ({
    start: (fields.starts[slot] ?? 0) - keyBytes,
    end: fields.ends[slot] ?? 0,
  }));
  cuts.sort((a, b) => a.start - b.start);
  let from = record.start;
  let to = at;
  for (const cut of cuts) {
    // The comma before the key goes with it; a body that stands first has one after it instead.
    const leads = cut.start > from && bytes[cut.start - 1] === COMMA;
    to += bytes.copy(target, to, from, leads ? cut.start - 1 : cut.start);
    from = !leads && bytes[cut.end] === COMMA ? cut.end + 1 : cut.end;
  }
  return to + bytes.copy(target, to, from, record.end);
}
