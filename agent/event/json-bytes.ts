/**
 * Strict checks of JSON in place: each function takes the index where something begins and returns the index just past it, or -1 where
 * `JSON.parse` would refuse it or where white space stands between tokens. Nothing is allocated and nothing recurses, so that neither
 * length nor depth of a hostile value matters. Bytes from 0x80 on are taken as they are: the caller has checked that they are UTF-8.
 *
 * `view` shows `bytes`, for strings are read four bytes at a time. Reads may pass the end of a broken line, but a line feed stops each of
 * them, and so does the end of the bytes. Bounds are those of `bytes`, because asking a view for its length is slow.
 */

/** The top bit of each byte of a word. */
const TOP_BITS = 0x80808080 | 0;

/** What may follow a backslash: 1, or 2 for `u`, which four hexadecimal digits follow. */
const escapeClass = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) escapeClass[byte] = 1;
escapeClass[0x75] = 2;

const isHex = new Uint8Array(256);
for (const byte of Buffer.from('0123456789abcdefABCDEF')) isHex[byte] = 1;

/** The kind of each open container, innermost last. Grows for hostile depths and is then let go. */
const USUAL_DEPTH = 1024;
let containers = new Uint8Array(USUAL_DEPTH);
const OBJECT = 0;
const ARRAY = 1;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/** The view that goes with bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A string, from the byte after its opening quote. */
export function skipString(bytes: Uint8Array, view: DataView, start: number): number {
  for (let at = start; ;) {
    const stop = findStop(bytes, view, at);
    if (stop < 0) return -1;
    const byte = bytes[stop];
    if (byte === QUOTE) return stop + 1;
    if (byte !== BACKSLASH) return -1;
    at = skipEscape(bytes, stop + 1);
    if (at < 0) return -1;
  }
}

/** A string without any escape, from the byte after its opening quote; -1 where it has one. */
export function skipPlainString(bytes: Uint8Array, view: DataView, start: number): number {
  const stop = findStop(bytes, view, start);
  return stop >= 0 && bytes[stop] === QUOTE ? stop + 1 : -1;
}

/**
 * The next quote, backslash or control byte; -1 where none follows. Four bytes at a time: taking 1 from a byte that was made 0 (or 0x20
 * from a control byte) sets its top bit, and the lowest bit set that way is never a false one, because a borrow only travels up from a
 * true one. Bytes from 0x80 on have that bit already and are left out.
 */
function findStop(bytes: Uint8Array, view: DataView, start: number): number {
  const lastWord = bytes.length - 4;
  let at = start;
  for (; at <= lastWord; at += 4) {
    const word = view.getInt32(at, true);
    const stops =
      (((word ^ 0x22222222) - 0x01010101) | ((word ^ 0x5c5c5c5c) - 0x01010101) | (word - 0x20202020)) &
      ~word &
      TOP_BITS;
    if (stops !== 0) return at + ((31 - Math.clz32(stops & -stops)) >> 3);
  }
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) return at;
  }
  return -1;
}

/** An escape, from the byte after its backslash. */
function skipEscape(bytes: Uint8Array, at: number): number {
  const kind = escapeClass[bytes[at] ?? 0];
  if (kind === 1) return at + 1;
  if (kind !== 2) return -1;
  for (let i = at + 1; i <= at + 4; i += 1) if (isHex[bytes[i] ?? 0] === 0) return -1;
  return at + 5;
}

/** A number, from its first byte. */
function skipNumber(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  const integer = skipDigits(bytes, at);
  if (integer === at || (bytes[at] === ZERO && integer > at + 1)) return -1;
  at = integer;
  if (bytes[at] === POINT) {
    const fraction = skipDigits(bytes, at + 1);
    if (fraction === at + 1) return -1;
    at = fraction;
  }
  if (((bytes[at] ?? 0) | 0x20) === 0x65) {
    const sign = bytes[at + 1] === MINUS || bytes[at + 1] === 0x2b ? 1 : 0;
    const exponent = skipDigits(bytes, at + 1 + sign);
    if (exponent === at + 1 + sign) return -1;
    at = exponent;
  }
  return at;
}

function skipDigits(bytes: Uint8Array, start: number): number {
  let at = start;
  for (let byte = bytes[at] ?? 0; byte >= ZERO && byte <= NINE; byte = bytes[at] ?? 0) at += 1;
  return at;
}

/** A string, number or literal. */
export function skipScalar(bytes: Uint8Array, view: DataView, at: number): number {
  switch (bytes[at] ?? 0) {
    case QUOTE:
      return skipString(bytes, view, at + 1);
    case 0x6e: // null
      return bytes[at + 1] === 0x75 && bytes[at + 2] === 0x6c && bytes[at + 3] === 0x6c ? at + 4 : -1;
    case 0x74: // true
      return bytes[at + 1] === 0x72 && bytes[at + 2] === 0x75 && bytes[at + 3] === 0x65 ? at + 4 : -1;
    case 0x66: // false
      return bytes[at + 1] === 0x61 &&
        bytes[at + 2] === 0x6c &&
        bytes[at + 3] === 0x73 &&
        bytes[at + 4] === 0x65
        ? at + 5
        : -1;
    default:
      return skipNumber(bytes, at);
  }
}

/** Any value without white space between its tokens, from its first byte. */
export function skipValue(bytes: Uint8Array, view: DataView, start: number): number {
  const first = bytes[start] ?? 0;
  if (first !== BRACE_OPEN && first !== BRACKET_OPEN) return skipScalar(bytes, view, start);
  if (bytes[start + 1] === first + 2) return start + 2;
  const end = skipContainer(bytes, view, start);
  if (containers.length > USUAL_DEPTH) containers = new Uint8Array(USUAL_DEPTH);
  return end;
}

/** An object or array. `at` stands before a value at the head of each turn of the loop. */
function skipContainer(bytes: Uint8Array, view: DataView, start: number): number {
  let at = start;
  let depth = 0;
  for (;;) {
    const byte = bytes[at] ?? 0;
    if (byte === BRACE_OPEN && bytes[at + 1] !== BRACE_CLOSE) {
      push(depth, OBJECT);
      depth += 1;
      at = skipKey(bytes, view, at + 1);
      if (at < 0) return -1;
      continue;
    }
    if (byte === BRACKET_OPEN && bytes[at + 1] !== BRACKET_CLOSE) {
      push(depth, ARRAY);
      depth += 1;
      at += 1;
      continue;
    }
    at = byte === BRACE_OPEN || byte === BRACKET_OPEN ? at + 2 : skipScalar(bytes, view, at);
    if (at < 0) return -1;
    // After a value: close what ends here, or go on to the next member.
    for (;;) {
      if (depth === 0) return at;
      const container = containers[depth - 1];
      const next = bytes[at] ?? 0;
      if (next === COMMA) {
        at = container === OBJECT ? skipKey(bytes, view, at + 1) : at + 1;
        if (at < 0) return -1;
        break;
      }
      if (next !== (container === OBJECT ? BRACE_CLOSE : BRACKET_CLOSE)) return -1;
      depth -= 1;
      at += 1;
    }
  }
}

/** A key with its colon, from its opening quote. */
function skipKey(bytes: Uint8Array, view: DataView, at: number): number {
  if (bytes[at] !== QUOTE) return -1;
  const end = skipString(bytes, view, at + 1);
  return end >= 0 && bytes[end] === COLON ? end + 1 : -1;
}

function push(depth: number, container: number): void {
  if (depth === containers.length) {
    const grown = new Uint8Array(containers.length * 2);
    grown.set(containers);
    containers = grown;
  }
  containers[depth] = container;
}
