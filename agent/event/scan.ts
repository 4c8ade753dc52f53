import { MAX_ANNOTATIONS, SLOT } from './fields.ts';
import type { LineFields } from './fields.ts';
import { skipPlainString, skipString, skipValue, viewOf } from './json-bytes.ts';
import { entryFor, recallObject, rememberObject } from './object-memory.ts';
import { TEXT, isText, textLength } from './known-text.ts';
import { MAX_UNKNOWN_MEMBERS, OBJECT_NAMES, SHAPE } from './shape.ts';
import type { ValueType } from './shape.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const LETTER_N = 0x6e;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const MAX_CODE_LENGTH = 9;

/** The objects first, numbered as in OBJECT_NAMES; what cannot be `null` last. */
const TYPE = {
  event: 0,
  user: 1,
  impersonatedUser: 2,
  objectRef: 3,
  responseStatus: 4,
  string: 5,
  strings: 6,
  code: 7,
  object: 8,
  any: 9,
  annotations: 10,
  kind: 11,
  apiVersion: 12,
} as const satisfies Record<ValueType | 'event', number>;

// The shape as flat tables by key; see known-text.ts for what a key is.
const members = OBJECT_NAMES.flatMap((name) => SHAPE[name]);
const keyType = Uint8Array.from(members, (member) => TYPE[member.type]);
const keySlot = Int8Array.from(members, (member) => member.slot ?? -1);
/** The first key of each object; the last one ends where the next object begins. */
const objectStart = Uint8Array.from({ length: OBJECT_NAMES.length + 1 }, (_, object) =>
  OBJECT_NAMES.slice(0, object).reduce((sum, name) => sum + SHAPE[name].length, 0),
);

/** Unknown keys met so far, between their quotes: one half for the event, one for the object inside it that is being read. */
const unknownStarts = new Int32Array(MAX_UNKNOWN_MEMBERS * 2);
const unknownEnds = new Int32Array(MAX_UNKNOWN_MEMBERS * 2);

/** The bytes scanned last and their view, for one chunk holds many lines. What is larger is not kept alive for it. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;
let lastBytes: Uint8Array = new Uint8Array(0);
let lastView = viewOf(lastBytes);

/**
 * Finds the values of the audit event that begins at `bytes[start]`, in one pass and without making anything: `fields` says where each
 * stands. Returns the index just past the event's `}`, at most `limit`, or -1 where the line is anything but what the API server
 * usually writes (then `decodeLine` says what it is, and `fields` means nothing).
 *
 * What it accepts, `JSON.parse` accepts too and gives the same values. The bytes must be UTF-8; what follows the event is not looked at.
 */
export function scanLine(bytes: Uint8Array, start: number, limit: number, fields: LineFields): number {
  if (bytes[start] !== BRACE_OPEN) return -1;
  fields.clear();
  const view = bytes === lastBytes ? lastView : viewFor(bytes);
  const end = scanObject(bytes, view, start + 1, fields, TYPE.event);
  // Only a broken line leads past its limit.
  if (end < 0 || end > limit) return -1;
  return fields.has(SLOT.kind) && fields.has(SLOT.apiVersion) ? end : -1;
}

function viewFor(bytes: Uint8Array): DataView {
  const view = viewOf(bytes);
  if (bytes.length <= MAX_KEPT_BYTES) {
    lastBytes = bytes;
    lastView = view;
  }
  return view;
}

/**
 * The members of an object that is read, from the byte after its `{`. `null` is as good as no value, but for what makes an audit event.
 * Strings and `null` are read here and not in `scanTyped`, which costs a call less for most values, and keeps this function too large to
 * be inlined where it is called: then the functions below would be calls, and the scan a fifth slower.
 */
function scanObject(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  fields: LineFields,
  object: number,
): number {
  if (bytes[start] === BRACE_CLOSE) return start + 1;
  const firstKey = objectStart[object] ?? 0;
  const endKey = objectStart[object + 1] ?? 0;
  let guess = firstKey;
  let seen = 0;
  let unknown = 0;
  for (let at = start; ; at += 1) {
    if (bytes[at] !== QUOTE) return -1;
    const key = findKey(bytes, view, at + 1, guess, firstKey, endKey);
    if (key < 0) {
      at = scanUnknown(bytes, view, at + 1, object, unknown);
      unknown += 1;
    } else {
      const bit = 1 << (key - firstKey);
      if ((seen & bit) !== 0) return -1;
      seen |= bit;
      guess = key + 1;
      const type = keyType[key] ?? 0;
      const value = at + 1 + (textLength[key] ?? 0);
      const first = bytes[value];
      if (type === TYPE.string && first === QUOTE) at = skipString(bytes, view, value + 1);
      else if (first === LETTER_N) {
        const isNull = bytes[value + 1] === 0x75 && bytes[value + 2] === 0x6c && bytes[value + 3] === 0x6c;
        at = isNull && type < TYPE.kind ? value + 4 : -1;
      } else at = scanTyped(bytes, view, value, fields, type);
      const slot = keySlot[key] ?? -1;
      if (slot >= 0 && first !== LETTER_N) {
        fields.starts[slot] = value;
        fields.ends[slot] = at;
      }
    }
    if (at < 0) return -1;
    const next = bytes[at];
    if (next === BRACE_CLOSE) return at + 1;
    if (next !== COMMA) return -1;
  }
}

/** The key whose text with quote and colon stands at `at`, or -1; the expected ones are tried first. */
function findKey(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  guess: number,
  firstKey: number,
  endKey: number,
): number {
  for (let key = guess; key < endKey; key += 1) if (isText(bytes, view, at, key)) return key;
  for (let key = firstKey; key < guess; key += 1) if (isText(bytes, view, at, key)) return key;
  return -1;
}

/** A value that is neither a string nor `null`. */
function scanTyped(bytes: Uint8Array, view: DataView, at: number, fields: LineFields, type: number): number {
  if (type < TYPE.string) return scanInner(bytes, view, at, fields, type);
  switch (type) {
    case TYPE.strings:
      return scanStrings(bytes, view, at);
    case TYPE.any:
      return skipValue(bytes, view, at);
    case TYPE.code:
      return scanCode(bytes, at);
    case TYPE.annotations:
      return bytes[at] === BRACE_OPEN ? scanAnnotations(bytes, view, at + 1, fields) : -1;
    case TYPE.kind:
      return isText(bytes, view, at, TEXT.kind) ? at + (textLength[TEXT.kind] ?? 0) : -1;
    case TYPE.apiVersion:
      return isText(bytes, view, at, TEXT.apiVersion) ? at + (textLength[TEXT.apiVersion] ?? 0) : -1;
    case TYPE.object:
      return bytes[at] === BRACE_OPEN ? skipValue(bytes, view, at) : -1;
    default:
      return -1;
  }
}

/** An object inside the event that is read; one that was met before is recognised. */
function scanInner(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  fields: LineFields,
  object: number,
): number {
  if (bytes[at] !== BRACE_OPEN) return -1;
  const entry = entryFor(bytes, view, at, object);
  if (entry < 0) return scanObject(bytes, view, at + 1, fields, object);
  const known = recallObject(bytes, view, at, object, entry, fields);
  if (known >= 0) return known;
  const end = scanObject(bytes, view, at + 1, fields, object);
  if (end >= 0) rememberObject(view, at, end, object, entry, fields);
  return end;
}

/** An array of strings. */
function scanStrings(bytes: Uint8Array, view: DataView, start: number): number {
  if (bytes[start] !== BRACKET_OPEN) return -1;
  if (bytes[start + 1] === BRACKET_CLOSE) return start + 2;
  for (let at = start + 1; ; at += 1) {
    if (bytes[at] !== QUOTE) return -1;
    at = skipString(bytes, view, at + 1);
    if (at < 0) return -1;
    if (bytes[at] === BRACKET_CLOSE) return at + 1;
    if (bytes[at] !== COMMA) return -1;
  }
}

/** A number as `isCode` describes it. What follows it is left to the caller, who refuses a fraction or an exponent there. */
function scanCode(bytes: Uint8Array, start: number): number {
  const digits = bytes[start] === MINUS ? start + 1 : start;
  let at = digits;
  for (let byte = bytes[at] ?? 0; byte >= ZERO && byte <= NINE; byte = bytes[at] ?? 0) at += 1;
  const count = at - digits;
  const isWhole = count === 1 || (count > 1 && bytes[digits] !== ZERO);
  return isWhole && count <= MAX_CODE_LENGTH ? at : -1;
}

/** An object of strings under distinct keys without escapes, from the byte after its `{`. */
function scanAnnotations(bytes: Uint8Array, view: DataView, start: number, fields: LineFields): number {
  if (bytes[start] === BRACE_CLOSE) return start + 1;
  for (let at = start, count = 0; ; at += 1, count += 1) {
    if (bytes[at] !== QUOTE || count === MAX_ANNOTATIONS) return -1;
    const key = at + 1;
    const slot = slotOfAnnotation(bytes, view, key);
    const value = slot < 0 ? skipPlainKey(bytes, view, key) : key + annotationLength(slot);
    if (value < 0 || bytes[value] !== QUOTE) return -1;
    if (isAmong(bytes, fields.keyStarts, fields.keyEnds, 0, count, key, value - 2)) return -1;
    at = skipString(bytes, view, value + 1);
    if (at < 0) return -1;
    fields.keyStarts[count] = key;
    fields.keyEnds[count] = value - 2;
    fields.valueStarts[count] = value;
    fields.valueEnds[count] = at;
    fields.annotationCount = count + 1;
    if (slot >= 0) {
      fields.starts[slot] = value;
      fields.ends[slot] = at;
    }
    if (bytes[at] === BRACE_CLOSE) return at + 1;
    if (bytes[at] !== COMMA) return -1;
  }
}

/** The slot of an annotation that has one, by the key that stands at `key`. */
function slotOfAnnotation(bytes: Uint8Array, view: DataView, key: number): number {
  if (isText(bytes, view, key, TEXT.decision)) return SLOT.decision;
  return isText(bytes, view, key, TEXT.decisionReason) ? SLOT.decisionReason : -1;
}

/** Length of such a key with its quote and colon. */
function annotationLength(slot: number): number {
  return textLength[slot === SLOT.decision ? TEXT.decision : TEXT.decisionReason] ?? 0;
}

/** A key without escapes with its quote and colon, from the byte after its opening quote. */
function skipPlainKey(bytes: Uint8Array, view: DataView, key: number): number {
  const end = skipPlainString(bytes, view, key);
  return end >= 0 && bytes[end] === COLON ? end + 1 : -1;
}

/** A member that is no field of ours, from the byte after its key's opening quote. */
function scanUnknown(bytes: Uint8Array, view: DataView, key: number, object: number, count: number): number {
  const value = skipPlainKey(bytes, view, key);
  if (value < 0 || count === MAX_UNKNOWN_MEMBERS) return -1;
  const first = object === TYPE.event ? 0 : MAX_UNKNOWN_MEMBERS;
  if (isAmong(bytes, unknownStarts, unknownEnds, first, first + count, key, value - 2)) return -1;
  unknownStarts[first + count] = key;
  unknownEnds[first + count] = value - 2;
  return skipValue(bytes, view, value);
}

/** True where the key `bytes[start..end)` is one of the keys from `first` to `last`. */
function isAmong(
  bytes: Uint8Array,
  starts: Int32Array,
  ends: Int32Array,
  first: number,
  last: number,
  start: number,
  end: number,
): boolean {
  for (let i = first; i < last; i += 1) {
    const other = starts[i] ?? 0;
    if ((ends[i] ?? 0) - other === end - start && isSame(bytes, other, start, end - start)) return true;
  }
  return false;
}

function isSame(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  // From the back: keys of one domain differ at their ends.
  for (let i = length - 1; i >= 0; i -= 1) if (bytes[a + i] !== (bytes[b + i] ?? 0)) return false;
  return true;
}
