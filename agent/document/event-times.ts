import { SLOT } from '../event/fields.ts';
import type { Slot } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import { nanosecondsBetween, parseMicroTime } from '../event/timestamp.ts';

/** Which of an event's times can be used. A server refuses a document for one that is none. */
export class EventTimes {
  /** Whether `stageTimestamp` is a time. */
  stage = false;
  /** Whether `requestReceivedTimestamp` is one. */
  received = false;
  /** From the request's receipt to this stage; -1 where that is unknown, or where a clock was set back. */
  durationNs = -1;

  read(record: EventRecord): void {
    const { starts, ends } = record.fields;
    const received = starts[SLOT.requestReceivedTimestamp] ?? -1;
    const stage = starts[SLOT.stageTimestamp] ?? -1;
    const durationNs = nanosecondsBetween(
      record.bytes,
      received,
      ends[SLOT.requestReceivedTimestamp] ?? -1,
      stage,
      ends[SLOT.stageTimestamp] ?? -1,
    );
    const both = !Number.isNaN(durationNs);
    this.stage = both || isTime(record, SLOT.stageTimestamp);
    this.received = both || isTime(record, SLOT.requestReceivedTimestamp);
    this.durationNs = durationNs >= 0 && durationNs <= Number.MAX_SAFE_INTEGER ? durationNs : -1;
  }
}

function isTime(record: EventRecord, slot: Slot): boolean {
  const start = record.fields.starts[slot] ?? -1;
  return start >= 0 && !Number.isNaN(parseMicroTime(record.bytes, start, record.fields.ends[slot] ?? 0));
}
