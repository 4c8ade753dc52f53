import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { commitDocument } from '../../agent/document/commit-document.ts';
import { restoreLine } from '../../agent/document/restore-line.ts';
import { Batch } from '../../agent/sink/batch.ts';
import { documentText, TEST_CONTEXT, TEST_NOW_MS, testEncoder } from '../support/encoded.ts';
import { recordOf } from '../support/event-record.ts';
import { metadataEvent } from '../support/metadata-event.ts';
import { referenceDocument } from '../support/reference-document.ts';
import type { Json } from '../support/reference-document.ts';
import { isSameJson } from '../support/same-json.ts';

const text = fc.oneof(
  fc.constantFrom('', 'a', 'alice', 'a.b_c', 'x'.repeat(3000), '"\\\n\u2028<&>', 'ä'.repeat(60)),
  fc.string({ unit: 'binary', maxLength: 50 }),
);
const harmlessKey = fc.constantFrom(
  'a.b',
  'k8s.io/x',
  'scopes',
  'round_0_index_1',
  'authorization.k8s.io/reason',
);
const hostileKey = fc.oneof(fc.constantFrom('a_b', '', '.', 'authentication', '__proto__'), text);
const key = fc.oneof({ arbitrary: harmlessKey, weight: 30 }, { arbitrary: hostileKey, weight: 1 });
const address = fc.oneof(fc.ipV4(), fc.ipV6(), text);
const user = fc.record(
  {
    username: text,
    uid: text,
    groups: fc.array(text, { maxLength: 4 }),
    extra: fc.dictionary(key, fc.array(text, { maxLength: 3 }), { maxKeys: 6 }),
  },
  { requiredKeys: [] },
);
const time = fc.oneof(
  fc.constantFrom(
    '2026-11-20T17:03:00.123456Z',
    '2026-11-20T17:02:59.999999Z',
    'now',
    '2026-02-30T00:00:00Z',
  ),
  fc
    .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
);
const changes = fc.record(
  {
    verb: fc.oneof(fc.constantFrom('get', 'create', 'patch', 'deletecollection'), text),
    stage: fc.constantFrom('RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'),
    user,
    impersonatedUser: user,
    sourceIPs: fc.array(address, { maxLength: 5 }),
    userAgent: text,
    objectRef: fc.record(
      { resource: text, namespace: text, name: text, apiGroup: text },
      { requiredKeys: [] },
    ),
    responseStatus: fc.record(
      { metadata: fc.constant({}), code: fc.integer({ min: -1, max: 600 }) },
      { requiredKeys: [] },
    ),
    requestObject: fc.oneof(
      fc.json().map((json) => JSON.parse(json) as unknown),
      fc.record({ spec: fc.record({ containers: fc.array(fc.record({ image: text }), { maxLength: 3 }) }) }),
    ),
    requestReceivedTimestamp: time,
    stageTimestamp: time,
    annotations: fc.dictionary(key, text, { maxKeys: 6 }),
  },
  { requiredKeys: [] },
);

/** An event of random values whose members stand in a random order, or (half of them) in that of the API server. */
const event = fc
  .tuple(changes, fc.array(fc.nat(), { minLength: 20, maxLength: 20 }), fc.boolean())
  .map(([values, ranks, usual]): Json => {
    const entries = Object.entries(metadataEvent(values)).map((entry, index) => ({
      entry,
      rank: ranks[index] ?? 0,
    }));
    const ordered = usual ? entries : entries.toSorted((a, b) => a.rank - b.rank);
    return Object.fromEntries(ordered.map(({ entry }) => entry));
  });

describe('document encoder, for any event', () => {
  it('gives the document of a full parse within the announced bytes, and the line back', () => {
    const encoder = testEncoder();
    let compared = 0;
    fc.assert(
      fc.property(event, (value) => {
        const record = recordOf(JSON.stringify(value));
        // Annotation keys with escapes are rewritten before they get here.
        if (record === undefined) return;
        for (const form of ['without-bodies', 'bodies-as-text'] as const) {
          expect(JSON.parse(documentText(encoder, record, form, 'note'))).toHaveProperty(
            'kubernetes.audit.kind',
          );
        }
        const document = JSON.parse(documentText(encoder, record)) as Json;
        const batch = new Batch(Buffer.alloc(encoder.maxBytes(record)));
        commitDocument(encoder, record, batch, encoder.write(record, batch.buffer, 0, 'whole'));
        expect(restoreLine(batch, 0).toString()).toBe(JSON.stringify(value));
        if (!encoder.restorable) return;
        const agentId = String((document['agent'] as Json)['id']);
        const reference = referenceDocument(record, { context: TEST_CONTEXT, agentId, nowMs: TEST_NOW_MS });
        if (!isSameJson(document, reference)) expect(document).toEqual(reference);
        compared += 1;
      }),
      { numRuns: 1500 },
    );

    expect(compared).toBeGreaterThan(300);
  }, 120_000);
});
