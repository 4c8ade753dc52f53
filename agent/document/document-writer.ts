import type { LineFields, Slot } from '../event/fields.ts';
import { viewOf } from '../event/json-bytes.ts';
import { constantBytes } from './constant-bytes.ts';

const QUOTE = 0x22;
const ZERO = 0x30;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Up to here copying by words is quicker than a call of the native copy. */
const WORDS_BYTES = 96;
const WORD = 4;

const BILLION = 1_000_000_000;

/** A member whose value is a string of the event. */
export interface StringMember {
  /** What stands before the value: a whole `,"name":`. */
  readonly name: Buffer;
  readonly slot: Slot;
}

export function stringMember(name: string, slot: Slot): StringMember {
  return { name: constantBytes(name), slot };
}

/**
 * A pen on a buffer. It writes JSON members whose values are copied from the bytes of an event, and checks no bounds: whoever calls has
 * made room (`maxBytes`). It runs several dozen times per line, so it allocates nothing and its methods take plain values.
 */
export class DocumentWriter {
  target: Buffer = Buffer.alloc(0);
  at = 0;
  #targetView = viewOf(this.target);
  /** The bytes that were copied from last: a chunk serves thousands of lines. */
  #source = this.target;
  #sourceView = this.#targetView;

  begin(target: Buffer, at: number): void {
    if (target !== this.target) {
      this.target = target;
      this.#targetView = viewOf(target);
    }
    this.at = at;
  }

  byte(value: number): void {
    this.target[this.at] = value;
    this.at += 1;
  }

  /** All of the bytes. The native `set` of a whole array is the quickest way there is, unlike that of a part. */
  literal(bytes: Buffer): void {
    this.target.set(bytes, this.at);
    this.at += bytes.length;
  }

  copy(bytes: Buffer, start: number, end: number): void {
    const { target, at } = this;
    const length = end - start;
    this.at = at + length;
    if (length > WORDS_BYTES) {
      bytes.copy(target, at, start, end);
      return;
    }
    if (length < WORD) {
      for (let index = 0; index < length; index += 1) target[at + index] = bytes[start + index] ?? 0;
      return;
    }
    const from = bytes === this.#source ? this.#sourceView : this.#viewOf(bytes);
    const to = this.#targetView;
    // The last word may overlap the one before it.
    const last = length - WORD;
    for (let index = 0; index < last; index += WORD)
      to.setInt32(at + index, from.getInt32(start + index, true), true);
    to.setInt32(at + last, from.getInt32(start + last, true), true);
  }

  #viewOf(bytes: Buffer): DataView {
    this.#source = bytes;
    this.#sourceView = viewOf(bytes);
    return this.#sourceView;
  }

  /** A non-negative integer. */
  integer(value: number): void {
    if (value < BILLION) {
      this.#digits(value, digitsOf(value));
      return;
    }
    const low = value % BILLION;
    const high = (value - low) / BILLION;
    this.#digits(high, digitsOf(high));
    this.#digits(low, 9);
  }

  /** A value below a billion, so that it is 32-bit arithmetic: several times as quick as that of larger numbers. */
  #digits(value: number, count: number): void {
    const { target, at } = this;
    let rest = value | 0;
    for (let to = at + count - 1; to >= at; to -= 1) {
      const tenth = (rest / 10) | 0;
      target[to] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    this.at = at + count;
  }

  /** `name` and the value, if it is a string that is not empty. `name` is a whole `,"name":`. */
  string(name: Buffer, bytes: Buffer, fields: LineFields, slot: Slot): void {
    const start = fields.starts[slot] ?? -1;
    if (start < 0) return;
    const end = fields.ends[slot] ?? 0;
    if (bytes[start] !== QUOTE || end - start < 3) return;
    this.literal(name);
    this.copy(bytes, start, end);
  }

  /** Those of the members whose values are strings that are not empty. */
  strings(members: readonly StringMember[], bytes: Buffer, fields: LineFields): void {
    for (const { name, slot } of members) this.string(name, bytes, fields, slot);
  }

  /** `name` and the value, if it is an array that is not empty. */
  array(name: Buffer, bytes: Buffer, fields: LineFields, slot: Slot): void {
    const start = fields.starts[slot] ?? -1;
    if (start < 0) return;
    const end = fields.ends[slot] ?? 0;
    if (bytes[start] !== OPEN_BRACKET || end - start < 3) return;
    this.literal(name);
    this.copy(bytes, start, end);
  }

  /**
   * Begins an object or array whose members may all be missing; give the result to `closeObject` or `closeArray`. Each member is written
   * with a comma before it, and the first one's comma becomes the opening brace or bracket.
   */
  open(name: Buffer): number {
    this.literal(name);
    return this.at;
  }

  /** Ends an object; one without members leaves nothing behind, not even its name. */
  closeObject(opened: number, name: Buffer): void {
    this.#close(opened, name, OPEN_BRACE, CLOSE_BRACE);
  }

  /** The same for an array. */
  closeArray(opened: number, name: Buffer): void {
    this.#close(opened, name, OPEN_BRACKET, CLOSE_BRACKET);
  }

  #close(opened: number, name: Buffer, first: number, last: number): void {
    if (this.at === opened) {
      this.at = opened - name.length;
      return;
    }
    this.target[opened] = first;
    this.byte(last);
  }
}

/** Decimal digits of a value below a billion. */
function digitsOf(value: number): number {
  const whole = value | 0;
  let digits = 1;
  for (let limit = 10; digits < 9 && limit <= whole; limit = (limit * 10) | 0) digits += 1;
  return digits;
}
