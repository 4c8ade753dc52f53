import { decodeLine } from './decode.ts';
import { findEnd } from './json-end.ts';
import { isSpace } from './json-text.ts';

/** A part of a line, `line[start..end)`: one event, or what is none. */
export interface Segment {
  readonly status: 'event' | 'undecodable';
  readonly start: number;
  readonly end: number;
}

/** What every line of the API server begins with; the version follows. */
const MARKER = Buffer.from('{"kind":"Event","apiVersion":"audit.k8s.io/');

const BRACE_OPEN = 0x7b;
const NUL = 0;

/**
 * The parts of a line that is no complete event: whole events glued together at their seams; else the last event that goes on to the end
 * of the line, with what stands before it as one undecodable part (a short write leaves a torn event, and the next one is glued to it);
 * else the line as a whole. Bodies hold text that looks like an event, too: such an object neither begins a line nor ends it.
 *
 * White space and NULs around events belong to nobody. Takes time in proportion to the line's length, whatever it holds.
 */
export function splitLine(line: Buffer): Segment[] {
  const start = skipFiller(line, 0);
  const end = trimFiller(line);
  return (
    splitAtSeams(line, start, end) ??
    splitAtLastEvent(line, start, end) ?? [{ status: 'undecodable', start: 0, end: line.length }]
  );
}

/** The segments of a line of whole events, or undefined where it is none. */
function splitAtSeams(line: Buffer, start: number, end: number): Segment[] | undefined {
  const segments: Segment[] = [];
  for (let at = start; at < end;) {
    if (line[at] !== BRACE_OPEN) return undefined;
    const found = findEnd(line, at, end);
    if (found.status !== 'closed' || !isEvent(line, at, found.end)) return undefined;
    segments.push({ status: 'event', start: at, end: found.end });
    at = skipFiller(line, found.end);
  }
  return segments.length > 0 ? segments : undefined;
}

function splitAtLastEvent(line: Buffer, start: number, end: number): Segment[] | undefined {
  const event = findLastEvent(line, end);
  if (event === undefined || !isEvent(line, event, end)) return undefined;
  const segments: Segment[] = [{ status: 'event', start: event, end }];
  if (event > start) segments.unshift({ status: 'undecodable', start, end: event });
  return segments;
}

/**
 * Where the object begins that begins like an event and ends with the line. There is at most one. Each marker is tried from the first
 * one on; a try that fails at some byte rules out all markers before that byte, because objects inside the one that was tried fail at
 * the same place or have closed before the end, and a marker inside a string breaks that string's object at the marker's third byte.
 */
function findLastEvent(line: Buffer, end: number): number | undefined {
  for (let at = line.indexOf(MARKER); at >= 0;) {
    const found = findEnd(line, at, end);
    switch (found.status) {
      case 'closed':
        if (found.end === end) return at;
        at = line.indexOf(MARKER, found.end);
        break;
      case 'broken':
        at = line.indexOf(MARKER, Math.max(at + 1, found.at - 2));
        break;
      case 'open': {
        // A torn event whose last value is the next event: that one is complete though the torn one around it is not.
        const inner = found.lastClosed;
        if (inner === undefined || inner.end !== end) return undefined;
        return startsWithMarker(line, inner.start) ? inner.start : undefined;
      }
    }
  }
  return undefined;
}

function startsWithMarker(line: Buffer, at: number): boolean {
  return line.compare(MARKER, 0, MARKER.length, at, at + MARKER.length) === 0;
}

function isEvent(line: Buffer, start: number, end: number): boolean {
  return decodeLine(line.subarray(start, end)).status === 'event';
}

function isFiller(byte: number | undefined): boolean {
  return byte === NUL || isSpace(byte);
}

function skipFiller(line: Buffer, start: number): number {
  let at = start;
  while (at < line.length && isFiller(line[at])) at += 1;
  return at;
}

function trimFiller(line: Buffer): number {
  let end = line.length;
  while (end > 0 && isFiller(line[end - 1])) end -= 1;
  return end;
}
