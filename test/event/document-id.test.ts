import { describe, expect, it } from '@jest/globals';
import {
  DOCUMENT_ID_LENGTH,
  documentId,
  documentIdPart,
  writeDocumentId,
} from '../../agent/event/document-id.ts';

const FINGERPRINT = '00112233445566778899aabbccddeeff'.repeat(2);

function written(stageTimeMs: number, fingerprint: string, offset: number): string {
  const target = Buffer.alloc(DOCUMENT_ID_LENGTH + 2, '.');
  const end = writeDocumentId(target, 1, stageTimeMs, documentIdPart(fingerprint), offset);
  expect(end).toBe(DOCUMENT_ID_LENGTH + 1);
  const text = target.toString('latin1');
  expect(text[0]).toBe('.');
  expect(text[end]).toBe('.');
  return text.slice(1, end);
}

describe('documentId', () => {
  it('is time, head of the fingerprint and offset in base64url', () => {
    const id = documentId({ stageTimeMs: 0x0102030405, fingerprint: FINGERPRINT, offset: 0xf1f2f3f4f5 });

    expect(Buffer.from(id, 'base64url').toString('hex')).toBe(
      ['000102030405', '00112233445566', 'f1f2f3f4f5'].join(''),
    );
    expect(id).toHaveLength(24);
  });

  it('counts a missing time, and one before 1970, as 0', () => {
    const zero = documentId({ stageTimeMs: 0, fingerprint: FINGERPRINT, offset: 5 });

    expect(documentId({ stageTimeMs: Number.NaN, fingerprint: FINGERPRINT, offset: 5 })).toBe(zero);
    expect(documentId({ stageTimeMs: -1, fingerprint: FINGERPRINT, offset: 5 })).toBe(zero);
    expect(written(Number.NaN, FINGERPRINT, 5)).toBe(zero);
    expect(written(-1, FINGERPRINT, 5)).toBe(zero);
  });

  it('sorts by time as bytes', () => {
    const ids = [1, 255, 256, 65_536, 1_795_225_823_569].map((stageTimeMs) =>
      Buffer.from(documentId({ stageTimeMs, fingerprint: FINGERPRINT, offset: 1 }), 'base64url'),
    );

    expect(ids.toSorted((a, b) => Buffer.compare(a, b))).toEqual(ids);
  });
});

describe('writeDocumentId', () => {
  it('writes what documentId returns, whatever the values', () => {
    for (const stageTimeMs of [0, 1, 63, 64, 2 ** 24 - 1, 2 ** 24, 1_795_225_823_569, 253_402_300_799_999])
      for (const offset of [0, 1, 2 ** 16, 2 ** 24 - 1, 2 ** 24, 2 ** 31, 2 ** 32, 2 ** 40 - 1])
        for (const fingerprint of [FINGERPRINT, 'ff'.repeat(32), '5a'.repeat(32)])
          expect(written(stageTimeMs, fingerprint, offset)).toBe(
            documentId({ stageTimeMs, fingerprint, offset }),
          );
  });
});
