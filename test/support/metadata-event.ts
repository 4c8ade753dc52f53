import type { Json } from './reference-document.ts';

/** An event of the kind that the API server writes most, with members replaced or (undefined) left out. */
export function metadataEvent(changes: Json = {}): Json {
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: '0f2ca6e1-6f7e-4a6b-9a0e-4a4a4f5d8f11',
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/shop/pods/web-0',
    verb: 'get',
    user: { username: 'alice', uid: 'a-1', groups: ['developers', 'system:authenticated'] },
    sourceIPs: ['10.0.0.7'],
    userAgent: 'kubectl/v1.34.0',
    objectRef: { resource: 'pods', namespace: 'shop', name: 'web-0', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: '2026-11-20T17:03:00.123456Z',
    stageTimestamp: '2026-11-20T17:03:00.129456Z',
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    ...changes,
  };
}
