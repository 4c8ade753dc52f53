import type { DecodeReason } from '../errors.ts';
import { decodeLine } from '../event/decode.ts';
import { splitLine } from '../event/resync.ts';

export interface EventPiece {
  readonly kind: 'event';
  /** The event as bytes that the scan accepts; its own, not the read buffer's. */
  readonly bytes: Buffer;
  /** Where it stands in the file, and how long it is there. */
  readonly offset: number;
  readonly lineBytes: number;
  readonly degraded: '' | 'utf8';
  /** As it stands in the file. */
  readonly rawLine: Buffer;
}

export interface DeadPiece {
  readonly kind: 'dead';
  readonly reason: DecodeReason;
  readonly offset: number;
  readonly lineBytes: number;
  readonly line: Buffer;
}

export type LinePiece = EventPiece | DeadPiece;

/** What an unusual line is made of: usually one event or one dead letter; several where lines were glued together. */
export function linePieces(line: Buffer, offset: number): LinePiece[] {
  const whole = pieceOf(line, offset);
  if (whole.kind === 'event') return [whole];
  const segments = splitLine(line);
  if (segments.every(({ status }) => status === 'undecodable')) return [whole];
  return segments.map(({ start, end }) => pieceOf(line.subarray(start, end), offset + start));
}

function pieceOf(line: Buffer, offset: number): LinePiece {
  // A copy: the read buffer is used again before the document is delivered, and a dead letter may need the line then.
  const rawLine = Buffer.from(line);
  const decoded = decodeLine(rawLine);
  if (decoded.status === 'undecodable')
    return { kind: 'dead', reason: decoded.reason, line: rawLine, offset, lineBytes: line.length };
  // An event's offset is that of its own first byte, whatever white space stands before it.
  const { bytes, degraded, start, end } = decoded;
  const place = { offset: offset + start, lineBytes: end - start };
  return { kind: 'event', bytes, degraded, rawLine: rawLine.subarray(start, end), ...place };
}
