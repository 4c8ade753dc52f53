import { isUtf8 } from 'node:buffer';
import type { DecodeReason } from '../errors.ts';
import { MAX_ANNOTATIONS } from './fields.ts';
import { compact, elementsOf, membersOf, skipSpace } from './json-text.ts';
import type { Span } from './json-text.ts';
import { API_VERSION, KIND, MAX_UNKNOWN_MEMBERS, OBJECT_NAMES, SHAPE, isCode } from './shape.ts';
import type { ObjectName, ValueType } from './shape.ts';

/** Top-level member under which everything stands that could not stay where it was. */
export const INVALID_MEMBER = 'invalid';

export type Decoded =
  /** `line[start..end)` is an event; `bytes` says the same in a form that the scan accepts, in memory of its own. */
  | { status: 'event'; bytes: Buffer; start: number; end: number; degraded: '' | 'utf8' }
  | { status: 'undecodable'; reason: Extract<DecodeReason, 'json' | 'not-audit'> };

const QUOTE = 0x22;
const BRACE_OPEN = 0x7b;
const BRACKET_OPEN = 0x5b;

/**
 * What a line is that the scan does not accept: the reference and the slow path. `JSON.parse` decides whether it is JSON; bytes that are
 * no UTF-8 become U+FFFD before.
 *
 * The event is written anew from the line's own bytes, so that numbers, escapes, `__proto__` and any depth stay as they are: without
 * white space, with each key of an object that is read once (the last one wins, as in `JSON.parse`). A member of the wrong type, or
 * under a key that the scan would stumble over, moves to the same place below a top-level `invalid`: nothing is lost, and what reads
 * the event meets only what it expects.
 */
export function decodeLine(line: Buffer): Decoded {
  const degraded = isUtf8(line) ? '' : 'utf8';
  const text = line.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { status: 'undecodable', reason: 'json' };
  }
  if (!isAuditEvent(value)) return { status: 'undecodable', reason: 'not-audit' };
  const bytes = degraded === '' ? line : Buffer.from(text);
  return {
    status: 'event',
    bytes: canonicalEvent(bytes, skipSpace(bytes, 0)),
    start: line.indexOf(BRACE_OPEN),
    end: line.lastIndexOf('}') + 1,
    degraded,
  };
}

function isAuditEvent(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return 'kind' in value && value.kind === KIND && 'apiVersion' in value && value.apiVersion === API_VERSION;
}

/** Members as they are written, in order: key with colon, and value. */
type Members = [Buffer, Buffer][];

function canonicalEvent(bytes: Buffer, start: number): Buffer {
  const invalid: Members = [];
  const members = canonicalMembers({ bytes, start, object: 'event', invalid });
  if (invalid.length > 0) members.push(member(INVALID_MEMBER, object(invalid)));
  return object(members);
}

interface ObjectPlace {
  readonly bytes: Buffer;
  readonly start: number;
  readonly object: ObjectName;
  /** Takes the members that cannot stay. */
  readonly invalid: Members;
}

function canonicalMembers(place: ObjectPlace): Members {
  const kept: Members = [];
  // One place is kept free for the member that is added at the end.
  let unknownLeft = place.object === 'event' ? MAX_UNKNOWN_MEMBERS - 1 : MAX_UNKNOWN_MEMBERS;
  const members = membersOf(place.bytes, place.start);
  const types = new Map(SHAPE[place.object].map(({ name, type }) => [name, type]));
  for (const [name, span] of members) {
    const type = types.get(name);
    if (type !== undefined) {
      const value = canonicalValue(place, name, span, type);
      if (value !== undefined) kept.push(member(name, value));
    } else if (
      unknownLeft > 0 &&
      isPlainKey(name) &&
      !(place.object === 'event' && name === INVALID_MEMBER)
    ) {
      kept.push(member(name, compact(place.bytes, span)));
      unknownLeft -= 1;
    } else {
      place.invalid.push(member(name, compact(place.bytes, span)));
    }
  }
  return kept;
}

/** The value of a known member, or undefined where it went to the invalid ones. */
function canonicalValue(place: ObjectPlace, name: string, span: Span, type: ValueType): Buffer | undefined {
  const { bytes } = place;
  if (type === 'kind') return Buffer.from(JSON.stringify(KIND));
  if (type === 'apiVersion') return Buffer.from(JSON.stringify(API_VERSION));
  const value = compact(bytes, span);
  if (value.equals(NULL)) return value;
  if (!isOfType(value, type)) {
    place.invalid.push(member(name, value));
    return undefined;
  }
  if (type !== 'annotations' && !isObjectName(type)) return value;
  const invalid: Members = [];
  const inner =
    type === 'annotations'
      ? canonicalAnnotations(value, invalid)
      : canonicalMembers({ bytes: value, start: 0, object: type, invalid });
  if (invalid.length > 0) place.invalid.push(member(name, object(invalid)));
  return object(inner);
}

const NULL = Buffer.from('null');

function canonicalAnnotations(bytes: Buffer, invalid: Members): Members {
  const kept: Members = [];
  for (const [name, span] of membersOf(bytes, 0)) {
    const isKept = bytes[span.start] === QUOTE && isPlainKey(name) && kept.length < MAX_ANNOTATIONS;
    (isKept ? kept : invalid).push(member(name, compact(bytes, span)));
  }
  return kept;
}

/** Whether a compact value has the type that documents rely on, as far as the scan looks at it. */
function isOfType(value: Buffer, type: ValueType): boolean {
  switch (type) {
    case 'string':
    case 'kind':
    case 'apiVersion':
      return value[0] === QUOTE;
    case 'strings':
      return (
        value[0] === BRACKET_OPEN && elementsOf(value, 0).every((element) => value[element.start] === QUOTE)
      );
    case 'code':
      return isCode(value.toString('latin1'));
    case 'any':
      return true;
    case 'object':
    case 'annotations':
    case 'user':
    case 'impersonatedUser':
    case 'objectRef':
    case 'responseStatus':
      return value[0] === BRACE_OPEN;
  }
}

function isObjectName(type: ValueType): type is Exclude<ObjectName, 'event'> {
  return OBJECT_NAMES.some((name) => name === type);
}

/** True where the key stands in JSON as it is: the scan takes no escapes in keys. */
function isPlainKey(name: string): boolean {
  return JSON.stringify(name).length === name.length + 2;
}

function member(name: string, value: Buffer): [Buffer, Buffer] {
  return [Buffer.from(`${JSON.stringify(name)}:`), value];
}

function object(members: Members): Buffer {
  const parts = members.flatMap(([key, value], index) => [index === 0 ? BRACE_TEXT : COMMA_TEXT, key, value]);
  if (members.length === 0) parts.push(BRACE_TEXT);
  return Buffer.concat([...parts, Buffer.from('}')]);
}

const BRACE_TEXT = Buffer.from('{');
const COMMA_TEXT = Buffer.from(',');
