import { describe, expect, it } from '@jest/globals';
import { linePieces } from '../../agent/pipeline/line-pieces.ts';
import { auditLine } from '../support/audit-line.ts';

/** Kind, and the range of the file that a piece stands for, as text of the line. */
function partsOf(line: string): string[][] {
  const bytes = Buffer.from(line);
  return linePieces(bytes, 1000).map(({ kind, offset, lineBytes }) => [
    kind,
    bytes.toString('utf8', offset - 1000, offset - 1000 + lineBytes),
  ]);
}

const one = auditLine(1);
const two = auditLine(2);

describe('linePieces', () => {
  it('gives an event the offset of its own first byte', () => {
    expect(partsOf(` \t${one}  `)).toEqual([['event', one]]);
    expect(partsOf(`\0\0\0${one}\0`)).toEqual([['event', one]]);
  });

  it('takes glued events apart', () => {
    expect(partsOf(one + two)).toEqual([
      ['event', one],
      ['event', two],
    ]);
  });

  it('keeps the torn part before the last event as one dead letter', () => {
    const torn = one.slice(0, 90);

    expect(partsOf(torn + two)).toEqual([
      ['dead', torn],
      ['event', two],
    ]);
  });

  it('keeps a line that holds no event whole', () => {
    const legacy = '2026-11-21T10:00:00.000000000Z AUDIT: id="a" stage="RequestReceived" ip="10.0.0.1"';

    expect(partsOf(legacy)).toEqual([['dead', legacy]]);
    expect(linePieces(Buffer.from(legacy), 0)).toMatchObject([{ reason: 'json', line: Buffer.from(legacy) }]);
  });

  it('does not take an event out of another event that quotes it', () => {
    const forger = auditLine(3, { requestObject: { text: two } });

    expect(partsOf(forger)).toEqual([['event', forger]]);
  });

  it('owns its bytes, because the read buffer is used again', () => {
    const bytes = Buffer.from(` ${one}`);
    const [piece] = linePieces(bytes, 0);
    bytes.fill(0);

    if (piece?.kind !== 'event') throw new Error('no event');
    expect(piece.rawLine.toString()).toBe(one);
    expect(piece.bytes.toString()).toBe(one);
  });
});
