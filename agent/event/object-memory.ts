import type { LineFields } from './fields.ts';
import { OBJECT_NAMES, SHAPE } from './shape.ts';

/**
 * Objects that the scan has met inside events and where their members stand in them. The same users, objects and statuses come again and
 * again, and to compare one with itself costs a third of reading it. An object is recognised only if every byte is the same, so what is
 * remembered of it is what a scan would find; a memory that is full of other objects costs time and changes nothing else.
 *
 * Entries are numbers, bytes are compared four at a time, and an object is known by its place in OBJECT_NAMES.
 */
const ENTRIES = 128;
/** Longer objects are not remembered. */
const MAX_BYTES = 1024;
const WORD = 4;

/** Where bytes are taken from an object to tell it from others: where names stand. Statuses are short and differ at once. */
const SAMPLES = [13, 21, 33, 45, 57] as const;
const STATUS = OBJECT_NAMES.indexOf('responseStatus');
const REACH = SAMPLES[4] + WORD;

/** The slots of each object's members are neighbours. */
const slotsOf = OBJECT_NAMES.map((name) => SHAPE[name].flatMap((member) => member.slot ?? []));
const firstSlot = Int32Array.from(slotsOf, (slots) => Math.min(...slots));
const slotCount = Int32Array.from(slotsOf, (slots) => slots.length);
const MAX_SLOTS = Math.max(...slotsOf.slice(1).map((slots) => slots.length));

const texts = new DataView(new ArrayBuffer(ENTRIES * MAX_BYTES));
/** 0 where the entry is empty. */
const lengths = new Int32Array(ENTRIES);
const objects = new Int32Array(ENTRIES);
/** Places of the members from the object's `{` on; 0 where it has no such member. */
const memberStarts = new Int32Array(ENTRIES * MAX_SLOTS);
const memberEnds = new Int32Array(ENTRIES * MAX_SLOTS);

/** The entry in which the object that begins at `at` may be remembered; -1 too near the end of the bytes. */
export function entryFor(bytes: Uint8Array, view: DataView, at: number, object: number): number {
  if (at + REACH > bytes.length) return -1;
  let hash = mix(object, view.getInt32(at + SAMPLES[0], true));
  hash = mix(hash, view.getInt32(at + SAMPLES[1], true));
  if (object !== STATUS) {
    hash = mix(hash, view.getInt32(at + SAMPLES[2], true));
    hash = mix(hash, view.getInt32(at + SAMPLES[3], true));
    hash = mix(hash, view.getInt32(at + SAMPLES[4], true));
  }
  return (hash >>> 16) % ENTRIES;
}

/**
 * Puts the places of the members into `fields` and returns the index just past the object, if it is the remembered one; else -1, and
 * `fields` is as it was.
 */
export function recallObject(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  object: number,
  entry: number,
  fields: LineFields,
): number {
  const length = lengths[entry] ?? 0;
  if (length === 0 || objects[entry] !== object || at + length > bytes.length) return -1;
  if (!isSameText(view, at, entry * MAX_BYTES, length)) return -1;
  const member = entry * MAX_SLOTS;
  const slot = firstSlot[object] ?? 0;
  const count = slotCount[object] ?? 0;
  for (let i = 0; i < count; i += 1) {
    const start = memberStarts[member + i] ?? 0;
    if (start === 0) continue;
    fields.starts[slot + i] = at + start;
    fields.ends[slot + i] = at + (memberEnds[member + i] ?? 0);
  }
  return at + length;
}

/** Keeps the object `bytes[at..end)`, whose members a scan has just put into `fields`, in place of what the entry held. */
export function rememberObject(
  view: DataView,
  at: number,
  end: number,
  object: number,
  entry: number,
  fields: LineFields,
): void {
  const length = end - at;
  if (length < WORD || length > MAX_BYTES) return;
  const text = entry * MAX_BYTES;
  const lastWord = length - WORD;
  for (let i = 0; i < lastWord; i += WORD) texts.setInt32(text + i, view.getInt32(at + i, true), true);
  texts.setInt32(text + lastWord, view.getInt32(at + lastWord, true), true);
  lengths[entry] = length;
  objects[entry] = object;
  const member = entry * MAX_SLOTS;
  const slot = firstSlot[object] ?? 0;
  const count = slotCount[object] ?? 0;
  for (let i = 0; i < count; i += 1) {
    const start = fields.starts[slot + i] ?? -1;
    memberStarts[member + i] = start < 0 ? 0 : start - at;
    memberEnds[member + i] = (fields.ends[slot + i] ?? 0) - at;
  }
}

/** The last word may overlap the one before it; it is compared first, because objects differ at their ends. */
function isSameText(view: DataView, at: number, text: number, length: number): boolean {
  const lastWord = length - WORD;
  if (view.getInt32(at + lastWord, true) !== texts.getInt32(text + lastWord, true)) return false;
  for (let i = 0; i < lastWord; i += WORD)
    if (view.getInt32(at + i, true) !== texts.getInt32(text + i, true)) return false;
  return true;
}

function mix(hash: number, word: number): number {
  const sum = (hash ^ word) | 0;
  return Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d);
}
