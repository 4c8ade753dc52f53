import { skipScalar, skipString, viewOf } from './json-bytes.ts';
import { isSpace } from './json-text.ts';
import type { Span } from './json-text.ts';

/** How the reading of one object ended. */
export type ObjectEnd =
  /** Just past its closing brace. */
  | { status: 'closed'; end: number }
  /** Not JSON from here on. */
  | { status: 'broken'; at: number }
  /** The bytes ended first. `lastClosed` is the object or array that closed last. */
  | { status: 'open'; lastClosed: Span | undefined };

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;
const BRACE_OPEN = 0x7b;
/** From an opening bracket or brace to its closing one. */
const CLOSING = 2;

type Expected = 'value' | 'value-or-close' | 'key' | 'key-or-close' | 'colon' | 'comma-or-close';

/**
 * Where the object that begins at `bytes[start]` ends, checked as strictly as `JSON.parse` does, in bytes of which nothing is known.
 * White space may stand between tokens; nothing recurses. A broken token counts as broken from its first byte.
 */
export function findEnd(bytes: Buffer, start: number, limit: number): ObjectEnd {
  const view = viewOf(bytes);
  const containers: number[] = [];
  let lastClosed: Span | undefined;
  let expected: Expected = 'value';
  for (let at = start; ;) {
    while (isSpace(bytes[at])) at += 1;
    if (at >= limit) return { status: 'open', lastClosed };
    const byte = bytes[at] ?? 0;
    const container = containers.at(-1);
    const opening = container === undefined ? undefined : bytes[container];
    if (container !== undefined && mayClose(expected) && byte === (opening ?? 0) + CLOSING) {
      containers.pop();
      at += 1;
      if (containers.length === 0) return { status: 'closed', end: at };
      lastClosed = { start: container, end: at };
      expected = 'comma-or-close';
    } else if (isValue(expected) && (byte === BRACE_OPEN || byte === BRACKET_OPEN)) {
      containers.push(at);
      at += 1;
      expected = byte === BRACE_OPEN ? 'key-or-close' : 'value-or-close';
    } else {
      const end = endOfToken(bytes, view, at, expected);
      if (end < 0 || end > limit) return { status: 'broken', at };
      at = end;
      expected = nextExpected(expected, opening === BRACE_OPEN);
    }
  }
}

function mayClose(expected: Expected): boolean {
  return expected === 'comma-or-close' || expected === 'value-or-close' || expected === 'key-or-close';
}

function isValue(expected: Expected): boolean {
  return expected === 'value' || expected === 'value-or-close';
}

/** Just past the token at `at`, which opens and closes nothing; -1 where it is not the expected one. */
function endOfToken(bytes: Buffer, view: DataView, at: number, expected: Expected): number {
  switch (expected) {
    case 'value':
    case 'value-or-close':
      return skipScalar(bytes, view, at);
    case 'key':
    case 'key-or-close':
      return bytes[at] === QUOTE ? skipString(bytes, view, at + 1) : -1;
    case 'colon':
      return bytes[at] === COLON ? at + 1 : -1;
    case 'comma-or-close':
      return bytes[at] === COMMA ? at + 1 : -1;
  }
}

function nextExpected(expected: Expected, inObject: boolean): Expected {
  switch (expected) {
    case 'value':
    case 'value-or-close':
      return 'comma-or-close';
    case 'key':
    case 'key-or-close':
      return 'colon';
    case 'colon':
      return 'value';
    case 'comma-or-close':
      return inObject ? 'key' : 'value';
  }
}
