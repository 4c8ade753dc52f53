/** One line as the API server writes it, without its line feed; `changes` stand over the members. */
export function auditLine(number: number, changes: Readonly<Record<string, unknown>> = {}): string {
  const time = new Date(Date.UTC(2026, 10, 21, 10, 0, 0) + number * 1000).toISOString().replace('Z', '000Z');
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    stage: 'ResponseComplete',
    requestURI: `/api/v1/namespaces/default/pods/pod-${number}`,
    verb: 'get',
    user: { username: 'alice', groups: ['developers', 'system:authenticated'] },
    sourceIPs: ['10.0.0.7'],
    userAgent: 'kubectl/v1.34.4',
    objectRef: { resource: 'pods', namespace: 'default', name: `pod-${number}`, apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: time,
    stageTimestamp: time,
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    ...changes,
  });
}
