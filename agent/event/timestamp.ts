/**
 * Times of audit events, read from the bytes of the line. The API server writes `"2026-11-21T01:50:23.569767Z"`; other RFC 3339 times
 * (0 to 9 fraction digits, an offset from UTC) are understood too. Ranges include the quotes, as the scan gives them.
 */

/** What the last time read was, so that reading one returns no object: whole seconds since the epoch, and nanoseconds. */
const read = new Float64Array(2);

/** The last second met, as text and as seconds since the epoch: events of one second come in crowds. */
const SECOND_LENGTH = 19;
const cachedText = new Uint8Array(SECOND_LENGTH).fill(0xff);
const cachedSecond = new Float64Array(1);

/** Quotes, second, point, six digits, Z. */
const MICRO_TIME_LENGTH = 29;

const QUOTE = 0x22;
const POINT = 0x2e;
const ZERO = 0x30;
const PLUS = 0x2b;
const MINUS = 0x2d;
const UPPER_Z = 0x5a;

/** Ms since the epoch, cut off and not rounded; NaN where `bytes[start..end)` is no such time in quotes. */
export function parseMicroTime(bytes: Uint8Array, start: number, end: number): number {
  return readTime(bytes, start, end) ? lastTimeMs() : Number.NaN;
}

/** The time that was read last, as `parseMicroTime` gives it: of `nanosecondsBetween`, the one it went to. Only after a time was read. */
export function lastTimeMs(): number {
  return (read[0] ?? 0) * 1000 + Math.floor((read[1] ?? 0) / 1_000_000);
}

/** Exact nanoseconds from one time to another (exact up to 104 days); NaN where one of the two is none. */
export function nanosecondsBetween(
  bytes: Uint8Array,
  fromStart: number,
  fromEnd: number,
  toStart: number,
  toEnd: number,
): number {
  if (!readTime(bytes, fromStart, fromEnd)) return Number.NaN;
  const fromSecond = read[0] ?? 0;
  const fromNanos = read[1] ?? 0;
  if (!readTime(bytes, toStart, toEnd)) return Number.NaN;
  return ((read[0] ?? 0) - fromSecond) * 1_000_000_000 + ((read[1] ?? 0) - fromNanos);
}

/** Puts the time in quotes at `bytes[start..end)` into `read`; false where it is none. */
function readTime(bytes: Uint8Array, start: number, end: number): boolean {
  if (start < 0 || end - start < SECOND_LENGTH + 3 || end > bytes.length) return false;
  if (bytes[start] !== QUOTE || bytes[end - 1] !== QUOTE) return false;
  const second = start + 1;
  if (!isCached(bytes, second)) {
    const seconds = parseSecond(bytes, second);
    if (Number.isNaN(seconds)) return false;
    for (let i = 0; i < SECOND_LENGTH; i += 1) cachedText[i] = bytes[second + i] ?? 0;
    cachedSecond[0] = seconds;
  }
  read[0] = cachedSecond[0] ?? 0;
  if (end - start === MICRO_TIME_LENGTH && bytes[end - 2] === UPPER_Z) {
    if (bytes[start + 20] !== POINT) return false;
    return readFraction(bytes, start + 21, end - 2);
  }
  return readTail(bytes, start + 1 + SECOND_LENGTH, end - 1);
}

function isCached(bytes: Uint8Array, at: number): boolean {
  // From the back, where two times differ soonest.
  for (let i = SECOND_LENGTH - 1; i >= 0; i -= 1) if (bytes[at + i] !== cachedText[i]) return false;
  return true;
}

/** Fraction digits as nanoseconds: one to nine of them. */
function readFraction(bytes: Uint8Array, start: number, end: number): boolean {
  if (end <= start || end - start > 9) return false;
  let nanos = 0;
  for (let i = start; i < end; i += 1) {
    const digit = (bytes[i] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return false;
    nanos = nanos * 10 + digit;
  }
  for (let i = end - start; i < 9; i += 1) nanos *= 10;
  read[1] = nanos;
  return true;
}

/** What follows the second: perhaps a fraction, then `Z` or an offset such as `+02:00`. */
function readTail(bytes: Uint8Array, start: number, end: number): boolean {
  let zone = start;
  read[1] = 0;
  if (bytes[start] === POINT) {
    zone = start + 1;
    while (zone < end && isDigit(bytes[zone] ?? 0)) zone += 1;
    if (!readFraction(bytes, start + 1, zone)) return false;
  }
  if (end - zone === 1) return bytes[zone] === UPPER_Z;
  if (end - zone !== 6) return false;
  const sign = bytes[zone] === PLUS ? 1 : bytes[zone] === MINUS ? -1 : 0;
  const hours = digits(bytes, zone + 1, 2);
  const minutes = digits(bytes, zone + 4, 2);
  if (sign === 0 || bytes[zone + 3] !== 0x3a || !(hours <= 23 && minutes <= 59)) return false;
  read[0] = (read[0] ?? 0) - sign * (hours * 3600 + minutes * 60);
  return true;
}

/** Seconds since the epoch of `2026-11-21T01:50:23`, taken as UTC; NaN where it is no such time. */
function parseSecond(bytes: Uint8Array, at: number): number {
  const separators =
    bytes[at + 4] === MINUS &&
    bytes[at + 7] === MINUS &&
    bytes[at + 10] === 0x54 &&
    bytes[at + 13] === 0x3a &&
    bytes[at + 16] === 0x3a;
  const year = digits(bytes, at, 4);
  const month = digits(bytes, at + 5, 2);
  const day = digits(bytes, at + 8, 2);
  const hour = digits(bytes, at + 11, 2);
  const minute = digits(bytes, at + 14, 2);
  const second = digits(bytes, at + 17, 2);
  if (!separators || !(year >= 0 && hour <= 23 && minute <= 59 && second <= 59)) return Number.NaN;
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysOfMonth(year, month))) return Number.NaN;
  return daysFromEpoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
}

/** A number of exactly `count` decimal digits, or NaN. */
function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i += 1) {
    const digit = (bytes[i] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the Gregorian calendar, with the year taken to begin in March so that the leap day comes last. */
function daysFromEpoch(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const monthFromMarch = (month + 9) % 12;
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + day - 1;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}
