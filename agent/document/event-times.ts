import { SLOT } from '../event/fields.ts';
import type { Slot } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import { lastTimeMs, nanosecondsBetween, parseMicroTime } from '../event/timestamp.ts';

const STAGE = 1;
const RECEIVED = 2;

/** Which of an event's times can be used. A server refuses a document for one that is none. */
export class EventTimes {
  /** 1 if `stageTimestamp` is a time, plus 2 if `requestReceivedTimestamp` is one. */
  usable = 0;
  /** `stageTimestamp`, ms since the epoch; NaN where it is no time. */
  stageMs = Number.NaN;
  /** From the request's receipt to this stage; -1 where that is unknown, or where a clock was set back. */
  durationNs = -1;

  read(record: EventRecord): void {
    const { bytes } = record;
    const { starts, ends } = record.fields;
    const received = starts[SLOT.requestReceivedTimestamp] ?? -1;
    const receivedEnd = ends[SLOT.requestReceivedTimestamp] ?? -1;
    const stage = starts[SLOT.stageTimestamp] ?? -1;
    const stageEnd = ends[SLOT.stageTimestamp] ?? -1;
    const durationNs = nanosecondsBetween(bytes, received, receivedEnd, stage, stageEnd);
    if (Number.isNaN(durationNs)) {
      this.#readEach(record);
      return;
    }
    this.usable = STAGE | RECEIVED;
    this.stageMs = lastTimeMs();
    this.durationNs = durationNs >= 0 && durationNs <= Number.MAX_SAFE_INTEGER ? durationNs : -1;
  }

  #readEach(record: EventRecord): void {
    this.stageMs = timeOf(record, SLOT.stageTimestamp);
    const hasReceived = !Number.isNaN(timeOf(record, SLOT.requestReceivedTimestamp));
    this.usable = (Number.isNaN(this.stageMs) ? 0 : STAGE) | (hasReceived ? RECEIVED : 0);
    this.durationNs = -1;
  }
}

function timeOf({ bytes, fields }: EventRecord, slot: Slot): number {
  return parseMicroTime(bytes, fields.starts[slot] ?? -1, fields.ends[slot] ?? -1);
}
