import { describe, expect, it } from '@jest/globals';
import { AllCreated, readAllCreated } from '../../../agent/sink/bulk/all-created.ts';
import { readBulkReply } from '../../../agent/sink/bulk/bulk-reply.ts';

function answer(items: readonly unknown[], errors = false): string {
  return JSON.stringify({ errors, items });
}

const created = { create: { status: 201 } };

describe('readAllCreated', () => {
  it.each([1, 2, 2000])('counts %d created documents', (count) => {
    expect(readAllCreated(answer(Array.from({ length: count }, () => created)))).toEqual(
      new AllCreated(count),
    );
  });

  it.each([
    ['no items', answer([])],
    ['errors', answer([created], true)],
    ['a duplicate among them', answer([created, { create: { status: 409 } }, created])],
    ['a document in the failure store', answer([{ create: { status: 201, failure_store: 'used' } }])],
    ['half an answer', answer([created, created]).slice(0, -5)],
    ['something after an item', answer([created]).replace('}}]', '}},]')],
    ['other members', '{"errors":false,"items":[{"create":{"status":201}}],"took":3}'],
    ['white space', '{"errors":false, "items":[{"create":{"status":201}}]}'],
    ['another document', '{"acknowledged":true}'],
  ])('leaves %s to the parser', (_, json) => {
    expect(readAllCreated(json)).toBeUndefined();
  });

  it('settles nothing when it speaks of another number of documents', () => {
    expect(readBulkReply(new AllCreated(3), 4)).toBeUndefined();
    expect(readBulkReply(new AllCreated(4), 4)?.result).toEqual({ status: 'delivered' });
  });
});
