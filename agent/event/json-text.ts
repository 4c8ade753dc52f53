/**
 * Finds its way in bytes that `JSON.parse` has accepted: nothing is checked here, white space may stand between tokens, and depth does
 * not matter because nothing recurses.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE_CLOSE = 0x7d;
const COMMA = 0x2c;
const BRACKET_CLOSE = 0x5d;

/** Where a value stands: `bytes[start..end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export function skipSpace(bytes: Buffer, start: number): number {
  let at = start;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

/** The members of the object that begins at `start`, by their decoded keys; of a key met twice the last value, as in `JSON.parse`. */
export function membersOf(bytes: Buffer, start: number): Map<string, Span> {
  const members = new Map<string, Span>();
  let at = skipSpace(bytes, start + 1);
  while (bytes[at] === QUOTE) {
    const keyEnd = endOfString(bytes, at);
    const key = String(JSON.parse(bytes.toString('utf8', at, keyEnd)));
    const colon = skipSpace(bytes, keyEnd);
    const value = skipSpace(bytes, colon + 1);
    const end = endOfValue(bytes, value);
    members.set(key, { start: value, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
  return members;
}

/** The elements of the array that begins at `start`. */
export function elementsOf(bytes: Buffer, start: number): Span[] {
  const elements: Span[] = [];
  let at = skipSpace(bytes, start + 1);
  while (at < bytes.length && bytes[at] !== BRACKET_CLOSE) {
    const end = endOfValue(bytes, at);
    elements.push({ start: at, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
  return elements;
}

/** The bytes of a value without the white space between its tokens: the same bytes, or a copy where there was some. */
export function compact(bytes: Buffer, span: Span): Buffer {
  const runs: Buffer[] = [];
  let runStart = span.start;
  for (let at = span.start; at < span.end;) {
    if (bytes[at] === QUOTE) {
      at = endOfString(bytes, at);
    } else if (isSpace(bytes[at])) {
      runs.push(bytes.subarray(runStart, at));
      at = skipSpace(bytes, at);
      runStart = at;
    } else {
      at += 1;
    }
  }
  const last = bytes.subarray(runStart, span.end);
  return runs.length === 0 ? last : Buffer.concat([...runs, last]);
}

function endOfValue(bytes: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length;) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
      if (depth === 0) return at;
      continue;
    }
    // `[` and `{`, `]` and `}` differ in one bit from each other.
    const shape = byte | 0x20;
    if (shape === 0x7b) depth += 1;
    else if (shape === BRACE_CLOSE || byte === COMMA || isSpace(byte)) {
      // The end of a number or literal, or of what encloses it.
      if (depth === 0) return at;
      if (shape === BRACE_CLOSE && (depth -= 1) === 0) return at + 1;
    }
    at += 1;
  }
  return bytes.length;
}

/** Just past the closing quote of the string whose opening quote stands at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let at = bytes.indexOf(QUOTE, start + 1);
  while (at >= 0 && isEscaped(bytes, at)) at = bytes.indexOf(QUOTE, at + 1);
  return at < 0 ? bytes.length : at + 1;
}

/** True where an odd number of backslashes stands before. */
function isEscaped(bytes: Buffer, at: number): boolean {
  let first = at;
  while (bytes[first - 1] === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}
