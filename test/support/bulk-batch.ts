import { Batch } from '../../agent/sink/batch.ts';

const FILE = { fingerprint: 'ab'.repeat(32), path: '/var/log/audit.log', inode: 1 };

/** A sealed batch of small documents with the given ids, as a bulk sink would have encoded them. */
export function batchOfIds(ids: readonly string[], document = '{"a":1}'): Batch {
  const texts = ids.map((id) => `{"create":{"_id":"${id}"}}\n${document}\n`);
  const batch = new Batch(Buffer.alloc(texts.reduce((sum, text) => sum + text.length, 0)));
  for (const [index, text] of texts.entries()) {
    const end = batch.length + batch.buffer.write(text, batch.length);
    const eventStart = end - document.length - 1;
    batch.commit(end, eventStart, { file: FILE, start: index * 100, end: index * 100 + 90 });
  }
  return batch;
}

/** `count` ids that tell their order. */
export function idsOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `id-${String(index).padStart(6, '0')}`);
}
