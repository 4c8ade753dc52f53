import { describe, expect, it } from '@jest/globals';
import { ownDocument } from '../../agent/document/own-document.ts';
import type { OwnRecord } from '../../agent/event/own-record.ts';
import { documentOf, TEST_CONTEXT } from '../support/encoded.ts';
import { metadataEvent } from '../support/metadata-event.ts';
import type { Json } from '../support/reference-document.ts';

const GAP: OwnRecord = {
  kind: 'gap',
  node: 'cp-1',
  timeMs: Date.parse('2026-11-20T17:03:00.250Z'),
  counter: 3,
  log: 'kube-apiserver',
  summary: 'Audit events may be missing',
  fields: { reason: 'truncated', offset: 4711, unread_bytes: 12 },
};

const OPTIONS = {
  dataStream: 'logs-kubernetes.audit_logs-default',
  nowMs: () => Date.parse('2026-11-20T17:03:01Z'),
};

describe('document of a record of the agent’s own', () => {
  it('says what is missing, where everybody looks for events', () => {
    const text = ownDocument(GAP, TEST_CONTEXT, OPTIONS).toString();

    expect(text).not.toContain('\n');
    expect(JSON.parse(text)).toMatchObject({
      '@timestamp': '2026-11-20T17:03:00.250Z',
      event: {
        kind: 'event',
        action: 'gap',
        dataset: 'kubernetes.audit_logs',
        ingested: '2026-11-20T17:03:01.000Z',
      },
      message: 'Audit events may be missing',
      log: { level: 'error' },
      orchestrator: { type: 'kubernetes', cluster: { name: 'prod-eu-1' } },
      k8s_audit: { gap: { log: 'kube-apiserver', reason: 'truncated', offset: 4711, unread_bytes: 12 } },
    });
  });

  it('claims to be no event of the API server', () => {
    const document = JSON.parse(ownDocument(GAP, TEST_CONTEXT, OPTIONS).toString()) as Json;

    expect(document).not.toHaveProperty('kubernetes');
    expect(document).not.toHaveProperty('event.id');
  });

  it('comes from the same host and agent as events do', () => {
    const document = JSON.parse(ownDocument(GAP, TEST_CONTEXT, OPTIONS).toString()) as Json;
    const event = documentOf(metadataEvent());

    for (const member of ['host', 'agent', 'ecs', 'data_stream'])
      expect(document[member]).toEqual(event[member]);
  });
});
