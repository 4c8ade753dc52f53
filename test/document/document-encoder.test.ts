import { describe, expect, it } from '@jest/globals';
import { commitDocument } from '../../agent/document/commit-document.ts';
import type { DocumentForm } from '../../agent/document/document-encoder.ts';
import { restoreLine } from '../../agent/document/restore-line.ts';
import { Batch } from '../../agent/sink/batch.ts';
import { recordedLines, sampleLines } from '../support/audit-lines.ts';
import type { AuditLines } from '../support/audit-lines.ts';
import {
  documentOf,
  documentText,
  scanned,
  TEST_CONTEXT,
  TEST_NOW_MS,
  testEncoder,
} from '../support/encoded.ts';
import { recordOf } from '../support/event-record.ts';
import { metadataEvent } from '../support/metadata-event.ts';
import { referenceDocument } from '../support/reference-document.ts';
import type { Json } from '../support/reference-document.ts';
import { isSameJson } from '../support/same-json.ts';
import { sharedDir } from '../support/shared.ts';

const FORMS: readonly DocumentForm[] = ['whole', 'without-bodies', 'bodies-as-text'];

const itWithShared = sharedDir() === undefined ? it.skip : it;
if (sharedDir() === undefined) console.log('no shared directory: recorded and sample events are left out');

/** The value under a dotted path. */
function at(document: Json, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Json | undefined)?.[key], document);
}

/** Calls back for each line that the scan takes. Returns how many there were. */
function forEachLine(logs: readonly AuditLines[], check: (line: Buffer, offset: number) => void): number {
  let count = 0;
  for (const { lines } of logs) {
    let offset = 0;
    for (const line of lines) {
      if (recordOf(line) !== undefined) {
        check(line, offset);
        count += 1;
      }
      offset += line.length + 1;
    }
  }
  return count;
}

function expectReference(line: Buffer, offset: number): void {
  const record = recordOf(line, offset);
  if (record === undefined) throw new Error('not taken by the scan');
  const encoder = testEncoder();
  const document = JSON.parse(documentText(encoder, record)) as Json;
  // What a server would refuse is not in the reference.
  if (at(document, 'k8s_audit.degraded.0') === 'keys') return;
  const agentId = String(at(document, 'agent.id'));
  const reference = referenceDocument(record, { context: TEST_CONTEXT, agentId, nowMs: TEST_NOW_MS });
  if (isSameJson(document, reference)) return;
  // Says where they differ.
  expect(document).toEqual(reference);
}

describe('document encoder', () => {
  itWithShared.each(['metadata', 'request-response', 'node', 'hostile'])(
    'gives the document of a full parse for every recorded line: %s',
    (folder) => {
      const count = forEachLine(recordedLines(folder), expectReference);

      expect(count).toBeGreaterThan(400);
    },
    120_000,
  );

  itWithShared(
    'gives the document of a full parse for every sample event',
    () => {
      const count = forEachLine(sampleLines(), expectReference);

      expect(count).toBeGreaterThan(100);
    },
    120_000,
  );

  itWithShared(
    'writes JSON within the announced bytes in every form, and nothing beside the bodies is lost',
    () => {
      const encoder = testEncoder();
      const count = forEachLine([...recordedLines(), ...sampleLines()], (line, offset) => {
        const record = recordOf(line, offset);
        if (record === undefined) return;
        for (const form of FORMS) {
          const document = JSON.parse(documentText(encoder, record, form, 'too-large')) as Json;
          expect(at(document, 'event.id')).toBe((JSON.parse(line.toString()) as Json)['auditID']);
          expect(at(document, 'log.offset')).toBe(offset);
        }
      });

      expect(count).toBeGreaterThan(8000);
    },
    120_000,
  );

  itWithShared(
    'lets every recorded line be restored byte for byte',
    () => {
      const encoder = testEncoder();
      const batch = new Batch(Buffer.alloc(8 * 1024 * 1024));
      forEachLine([...recordedLines(), ...sampleLines()], (line, offset) => {
        const record = recordOf(line, offset);
        if (record === undefined) return;
        batch.reset();
        batch.buffer.write('{"create":{}}\n', 0);
        const end = encoder.write(record, batch.buffer, 14, 'whole');
        batch.buffer[end] = 10;
        commitDocument(encoder, record, batch, end + 1);

        expect(restoreLine(batch, 0).equals(line)).toBe(true);
      });
    },
    120_000,
  );

  it('copies who did what to ECS fields', () => {
    const document = documentOf(metadataEvent());

    expect(document).toMatchObject({
      '@timestamp': '2026-11-20T17:03:00.129456Z',
      data_stream: { type: 'logs', dataset: 'kubernetes.audit_logs', namespace: 'default' },
      event: {
        kind: 'event',
        dataset: 'kubernetes.audit_logs',
        action: 'get',
        category: ['api'],
        type: ['access', 'allowed'],
        outcome: 'success',
        start: '2026-11-20T17:03:00.123456Z',
        end: '2026-11-20T17:03:00.129456Z',
        duration: 6_000_000,
        created: '2026-11-20T17:03:01.500Z',
        ingested: '2026-11-20T17:03:01.500Z',
      },
      user: { name: 'alice', id: 'a-1', group: { name: ['developers', 'system:authenticated'] } },
      user_agent: { original: 'kubectl/v1.34.0' },
      source: { ip: ['10.0.0.7'] },
      client: { ip: ['10.0.0.7'] },
      related: { ip: ['10.0.0.7'], user: ['alice', 'a-1'] },
      orchestrator: {
        type: 'kubernetes',
        api_version: 'audit.k8s.io/v1',
        namespace: 'shop',
        resource: { name: 'web-0', type: 'pods' },
        cluster: { name: 'prod-eu-1' },
      },
      host: { name: 'cp-1', hostname: 'cp-1' },
      agent: { name: 'cp-1', type: 'kube-audit-agent', version: '1.2.3' },
      k8s_audit: { peer_ip: '10.0.0.7' },
    });
  });

  it('leaves out what the event does not have', () => {
    const document = documentOf(
      metadataEvent({
        stage: 'RequestReceived',
        user: {},
        sourceIPs: undefined,
        userAgent: '',
        objectRef: undefined,
        responseStatus: undefined,
        annotations: undefined,
      }),
    );

    for (const path of ['user', 'user_agent', 'source', 'client', 'related', 'container', 'k8s_audit']) {
      expect(document).not.toHaveProperty([path]);
    }
    expect(document['orchestrator']).not.toHaveProperty('resource');
    expect(at(document, 'event.outcome')).toBe('unknown');
  });

  it('says that a request without a user failed', () => {
    const responseStatus = { metadata: {}, status: 'Failure', reason: 'Unauthorized', code: 401 };
    const document = documentOf(metadataEvent({ stage: 'ResponseStarted', user: {}, responseStatus }));

    expect(at(document, 'event.outcome')).toBe('failure');
    expect(document).not.toHaveProperty('user');
    expect(at(document, 'kubernetes.audit.user')).toEqual({});
  });

  it('names the impersonated user beside the one who impersonates', () => {
    const impersonatedUser = { username: 'bob', uid: 'b-2', groups: ['auditors'] };
    const document = documentOf(metadataEvent({ impersonatedUser }));

    expect(document['user']).toEqual({
      name: 'alice',
      id: 'a-1',
      group: { name: ['developers', 'system:authenticated'] },
      effective: { name: 'bob', id: 'b-2', group: { name: ['auditors'] } },
    });
    expect(at(document, 'related.user')).toEqual(['alice', 'a-1', 'bob', 'b-2']);
  });

  it('keeps forged addresses that are none out of the fields for addresses, and the peer apart', () => {
    const sourceIPs = [
      'evil"],"x":["',
      '999.1.1.1',
      'fe80::1%eth0',
      '203.0.113.9',
      '2001:db8::7',
      '10.0.0.7',
    ];
    const document = documentOf(metadataEvent({ sourceIPs }));

    const valid = ['203.0.113.9', '2001:db8::7', '10.0.0.7'];
    expect(at(document, 'source.ip')).toEqual(valid);
    expect(at(document, 'client.ip')).toEqual(valid);
    expect(at(document, 'related.ip')).toEqual(valid);
    expect(at(document, 'k8s_audit.peer_ip')).toBe('10.0.0.7');
    expect(at(document, 'kubernetes.audit.sourceIPs')).toEqual(sourceIPs);
  });

  it('tells no peer where the last address is none', () => {
    const document = documentOf(metadataEvent({ sourceIPs: ['10.0.0.7', 'nowhere'] }));

    expect(at(document, 'source.ip')).toEqual(['10.0.0.7']);
    expect(document).not.toHaveProperty('k8s_audit.peer_ip');
  });

  it('names binding and role that allowed the request', () => {
    const reason = 'RBAC: allowed by RoleBinding "edit/shop" of ClusterRole "edit" to Group "developers"';
    const annotations = { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': reason };
    const document = documentOf(metadataEvent({ annotations }));

    expect(at(document, 'k8s_audit.rbac')).toEqual({ binding: 'edit/shop', role: 'edit' });
    expect(at(document, 'kubernetes.audit.annotations')).toEqual({
      'authorization_k8s_io/decision': 'allow',
      'authorization_k8s_io/reason': reason,
    });
  });

  it('turns dots of annotation keys into underscores and leaves values and other keys alone', () => {
    const annotations = {
      'apiserver.latency.k8s.io/etcd': '12.5µs',
      'mutation.webhook.admission.k8s.io/round_0_index_1': '{"a.b":"c.d"}',
    };
    const user = { username: 'a.b', extra: { 'authentication.kubernetes.io/pod-name': ['web.0'] } };
    const document = documentOf(metadataEvent({ annotations, user }));

    expect(at(document, 'kubernetes.audit.annotations')).toEqual({
      'apiserver_latency_k8s_io/etcd': '12.5µs',
      'mutation_webhook_admission_k8s_io/round_0_index_1': '{"a.b":"c.d"}',
    });
    expect((at(document, 'kubernetes.audit') as Json)['user']).toEqual(user);
    expect(document).not.toHaveProperty('k8s_audit.degraded');
  });

  it('keeps both of two annotations whose keys are the same without their dots', () => {
    const annotations = { 'a.b/x': '1', 'a_b/x': '2', 'a.b_x': '3' };
    const document = documentOf(metadataEvent({ annotations }));

    const kept = at(document, 'kubernetes.audit.annotations') as Json;
    expect(new Set(Object.values(kept))).toEqual(new Set(['1', '2', '3']));
    expect(Object.keys(kept).every((key) => !key.includes('.'))).toBe(true);
    expect(at(document, 'k8s_audit.degraded')).toEqual(['keys']);
  });

  it('takes the images of a pod, wherever else the word stands', () => {
    const requestObject = {
      containers: [{ image: 'not-this' }],
      metadata: { annotations: { spec: 'containers' } },
      spec: {
        containers: [{ name: 'a', image: 'nginx:1' }, { name: 'b' }, { image: 'a"b' }, 'x', { image: 7 }],
      },
    };
    const document = documentOf(metadataEvent({ verb: 'create', requestObject }));

    expect(at(document, 'container.image.name')).toEqual(['nginx:1', 'a"b']);
  });

  it.each([
    [[{ op: 'add', path: '/spec/containers/0', value: { image: 'x' } }]],
    ['containers'],
    [{ spec: ['containers'] }],
    [{ spec: { containers: {} } }],
    [{ spec: { containers: [] } }],
  ])('takes no images from a body that is no pod: %j', (requestObject) => {
    const document = documentOf(metadataEvent({ verb: 'patch', requestObject }));

    expect(document).not.toHaveProperty('container');
    expect(at(document, 'kubernetes.audit.requestObject')).toEqual(requestObject);
  });

  it('keeps a URI of 20 KB whole', () => {
    const requestURI = `/api/v1/namespaces/shop/pods/web-0/exec?command=${'%20'.repeat(7000)}`;
    const document = documentOf(metadataEvent({ requestURI }));

    expect(at(document, 'kubernetes.audit.requestURI')).toBe(requestURI);
  });

  it.each([
    [{ stageTimestamp: 'yesterday' }, '2026-11-20T17:03:00.123456Z'],
    [{ stageTimestamp: null }, '2026-11-20T17:03:00.123456Z'],
    [{ stageTimestamp: '2026-13-40T00:00:00Z', requestReceivedTimestamp: '' }, '2026-11-20T17:03:01.500Z'],
  ])('falls back to another time where the stage has none: %j', (changes, expected) => {
    const document = documentOf(metadataEvent(changes));

    expect(document['@timestamp']).toBe(expected);
    expect(document).not.toHaveProperty('event.end');
    expect(document).not.toHaveProperty('event.duration');
  });

  it('says nothing of a duration where the clock was set back, or where it has more digits than a number holds', () => {
    for (const requestReceivedTimestamp of ['2026-11-20T17:03:01.000000Z', '1826-11-20T17:03:00.000000Z']) {
      expect(documentOf(metadataEvent({ requestReceivedTimestamp }))).not.toHaveProperty('event.duration');
    }
  });

  it('says that bytes were no UTF-8', () => {
    const [head = '', tail = ''] = JSON.stringify(metadataEvent({ userAgent: 'a#b' })).split('#');
    const line = Buffer.concat([Buffer.from(head), Buffer.of(0xff), Buffer.from(tail)]);
    const document = documentOf(line);

    expect(at(document, 'user_agent.original')).toBe('a\ufffdb');
    expect(at(document, 'k8s_audit.degraded')).toEqual(['utf8']);
  });

  it('leaves bodies out and names them', () => {
    const event = metadataEvent({ requestObject: { a: 1 }, responseObject: { b: 2 } });
    const document = documentOf(event, 'without-bodies', 'too-large');

    expect(at(document, 'kubernetes.audit')).not.toHaveProperty('requestObject');
    expect(at(document, 'kubernetes.audit')).not.toHaveProperty('responseObject');
    expect(document['k8s_audit']).toMatchObject({
      truncated: ['requestObject', 'responseObject'],
      degraded: ['too-large'],
    });
  });

  it('carries bodies as text that no server looks into', () => {
    const bodies = '"requestObject":{"":1,"a":{"a":"\\u0000\\"µ"},"a":2},"responseObject":[1e400]';
    const line = JSON.stringify(metadataEvent()).replace('"responseStatus"', `${bodies},"responseStatus"`);
    const document = documentOf(line, 'bodies-as-text', 'document_parsing_exception');

    expect(at(document, 'k8s_audit.bodies')).toBe(`{${bodies}}`);
    expect(at(document, 'k8s_audit.degraded')).toEqual(['document_parsing_exception']);
    expect(document).not.toHaveProperty('k8s_audit.truncated');
    expect(at(document, 'kubernetes.audit')).not.toHaveProperty('requestObject');
  });

  it('cuts bodies of many MB between two characters and says so', () => {
    const requestObject = { data: { blob: 'ä"'.repeat(700_000) } };
    const document = documentOf(metadataEvent({ requestObject }), 'bodies-as-text', 'x');

    const text = String(at(document, 'k8s_audit.bodies'));
    expect(text.startsWith('{"requestObject":{"data":{"blob":"ä')).toBe(true);
    expect(text).not.toContain('\ufffd');
    expect(Buffer.byteLength(JSON.stringify(text))).toBeGreaterThan(1_000_000);
    expect(Buffer.byteLength(JSON.stringify(text))).toBeLessThanOrEqual(1024 * 1024 + 8);
    expect(at(document, 'k8s_audit.truncated')).toEqual(['bodies']);
  });

  it('drops from a reduced event what a server could refuse, and keeps what is known', () => {
    const event = metadataEvent({
      invented: { '': 1 },
      user: { username: 'alice', groups: ['g'], extra: { ok: ['1', 2, { x: 1 }], '..': ['2'], '': 'three' } },
      authenticationMetadata: { impersonationConstraint: 'impersonate:user-info', x: { y: 1 } },
      responseStatus: { metadata: { '': 1 }, code: 409, details: { kind: 'pods', causes: [{ '.': 'x' }] } },
      annotations: { 'a.b': '1', a_b: '2' },
    });
    const audit = at(documentOf(event, 'bodies-as-text', 'x'), 'kubernetes.audit') as Json;

    expect(audit).not.toHaveProperty('invented');
    expect(audit['user']).toEqual({
      username: 'alice',
      groups: ['g'],
      extra: { ok: ['1'], __: ['2'], _: ['three'] },
    });
    expect(audit['authenticationMetadata']).toEqual({ impersonationConstraint: 'impersonate:user-info' });
    expect(audit['responseStatus']).toEqual({
      metadata: { _: 1 },
      code: 409,
      details: { kind: 'pods', causes: [{ _: 'x' }] },
    });
    expect(new Set(Object.values(audit['annotations'] as Json))).toEqual(new Set(['1', '2']));
    expect(audit['objectRef']).toEqual(event['objectRef']);
  });

  it('renames keys of an impersonator’s choice that would have the document refused, in the whole form too', () => {
    const extra = { scopes: ['x'], '': ['1'], authentication: ['2'], 'a..b': ['3'], '__proto__.': ['4'] };
    const impersonatedUser = { username: 'bob', extra };
    const event = metadataEvent({ impersonatedUser, requestObject: { '': 1 }, responseObject: { a: [1.0] } });
    const encoder = testEncoder();
    const document = JSON.parse(documentText(encoder, scanned(event))) as Json;

    expect(at(document, 'kubernetes.audit.impersonatedUser.extra')).toEqual({
      scopes: ['x'],
      _: ['1'],
      _authentication: ['2'],
      a__b: ['3'],
      __proto___: ['4'],
    });
    expect(at(document, 'kubernetes.audit.requestObject')).toEqual({ '': 1 });
    expect(at(document, 'k8s_audit.degraded')).toEqual(['keys']);
    expect(encoder.restorable).toBe(false);
  });

  it('says the same of a user again, and something else of another', () => {
    const encoder = testEncoder();
    const names = ['alice', 'bob', 'alice', 'carol', 'bob'];
    const seen = names.map((username) => {
      const event = metadataEvent({ user: { username }, sourceIPs: [`10.0.0.${username.length}`] });
      return JSON.parse(documentText(encoder, scanned(event))) as Json;
    });

    expect(seen.map((document) => at(document, 'user.name'))).toEqual(names);
    expect(seen.map((document) => at(document, 'source.ip'))).toEqual(
      names.map((name) => [`10.0.0.${name.length}`]),
    );
  });

  it('does not take values from before the user for those of another event', () => {
    const encoder = testEncoder();
    const { userAgent: _, ...rest } = metadataEvent();
    const agents = ['curl/1', 'curl/2'].map((userAgent) =>
      at(JSON.parse(documentText(encoder, scanned({ userAgent, ...rest }))) as Json, 'user_agent.original'),
    );

    expect(agents).toEqual(['curl/1', 'curl/2']);
  });

  it('follows the record to another file', () => {
    const encoder = testEncoder();
    const first = scanned(metadataEvent());
    const other = { ...first, file: { path: '/var/log/"other".log', inode: 7, fingerprint: 'f'.repeat(64) } };

    const paths = [first, other, first].map((record) =>
      at(JSON.parse(documentText(encoder, record)) as Json, 'log.file.path'),
    );

    expect(paths).toEqual([first.file.path, '/var/log/"other".log', first.file.path]);
  });
});
