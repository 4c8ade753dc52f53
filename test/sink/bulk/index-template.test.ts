import { describe, expect, it } from '@jest/globals';
import { indexPattern, indexTemplate } from '../../../agent/sink/bulk/index-template.ts';
import type { IndexTemplateOptions, MappedField } from '../../../agent/sink/bulk/index-template.ts';

const OPTIONS: IndexTemplateOptions = {
  dataStream: 'logs-kubernetes.audit_logs-default',
  flavour: 'elasticsearch',
  retentionDays: 90,
};

const BODY_COLUMNS = [
  'roleRef.name',
  'roleRef.kind',
  'rules.apiGroups',
  'rules.resources',
  'rules.resourceNames',
  'rules.verbs',
  'rules.nonResourceURLs',
  'subjects.kind',
  'subjects.name',
  'subjects.namespace',
  'spec.type',
  'spec.serviceAccountName',
  'spec.restartPolicy',
  'spec.hostNetwork',
  'spec.hostIPC',
  'spec.hostPID',
  'spec.volumes.hostPath.path',
  'spec.securityContext.runAsUser',
  'spec.securityContext.runAsGroup',
  'spec.securityContext.runAsNonRoot',
  'spec.containers.image',
  'spec.containers.name',
  'spec.containers.command',
  'spec.containers.volumeMounts.mountPath',
  'spec.containers.securityContext.privileged',
  'spec.containers.securityContext.allowPrivilegeEscalation',
  'spec.containers.securityContext.runAsUser',
  'spec.containers.securityContext.procMount',
  'spec.containers.securityContext.capabilities.add',
  'spec.containers.securityContext.seccompProfile.type',
];

/** What Elastic's detection rules for Kubernetes audit logs ask for. */
const RULE_COLUMNS = [
  '@timestamp',
  'data_stream.dataset',
  'data_stream.namespace',
  'event.dataset',
  'event.action',
  'event.original',
  'event.ingested',
  'event.outcome',
  'user.name',
  'source.ip',
  'user_agent.original',
  'orchestrator.resource.name',
  'orchestrator.cluster.name',
  ...[
    'kind',
    'level',
    'stage',
    'verb',
    'requestURI',
    'sourceIPs',
    'userAgent',
    'auditID',
    'user.username',
    'user.groups',
    'user.extra.authentication.kubernetes.io/pod-name',
    'impersonatedUser.username',
    'impersonatedUser.groups',
    'objectRef.resource',
    'objectRef.subresource',
    'objectRef.namespace',
    'objectRef.name',
    'objectRef.apiGroup',
    'responseStatus.code',
    'responseStatus.message',
    'annotations.authorization_k8s_io/decision',
    ...BODY_COLUMNS.map((column) => `requestObject.${column}`),
    ...BODY_COLUMNS.map((column) => `responseObject.${column}`),
  ].map((column) => `kubernetes.audit.${column}`),
];

function columnsOf(properties: unknown, prefix = ''): Map<string, MappedField> {
  const columns = new Map<string, MappedField>();
  for (const [name, field] of Object.entries(properties as Record<string, MappedField>)) {
    const path = `${prefix}${name}`;
    if (field['type'] !== undefined) columns.set(path, field);
    for (const [inner, value] of columnsOf(field['properties'] ?? {}, `${path}.`)) columns.set(inner, value);
  }
  return columns;
}

const template = indexTemplate(OPTIONS);
const columns = columnsOf(template.template.mappings.properties);

describe('index template', () => {
  it.each(RULE_COLUMNS)('maps %s, for a query that names an unmapped column fails', (column) => {
    expect(columns.has(column)).toBe(true);
  });

  it('maps what the agent says of itself and of documents that are not whole', () => {
    for (const column of [
      'peer_ip',
      'rbac.binding',
      'rbac.role',
      'degraded',
      'truncated',
      'bodies',
      'gap.reason',
    ]) {
      expect(columns.has(`k8s_audit.${column}`)).toBe(true);
    }
  });

  it('adds no field of anybody’s choosing', () => {
    expect(template.template.mappings.dynamic).toBe(false);
    expect(JSON.stringify(template)).not.toContain('"dynamic":true');
    expect(columns.size).toBeLessThan(1000);
  });

  it('has a limit for every indexed keyword that is below what a server refuses', () => {
    const unlimited = [...columns].filter(([, field]) => {
      const limit = Number(field['ignore_above']);
      return field['type'] === 'keyword' && field['index'] !== false && !(limit > 0 && limit * 4 <= 32_766);
    });

    expect(unlimited).toEqual([]);
  });

  it('keeps URIs searchable that are padded', () => {
    expect(columns.get('kubernetes.audit.requestURI')?.['ignore_above']).toBe(8191);
  });

  it('lets a value of the wrong type refuse no document, but for the time of the document itself', () => {
    const strict = [...columns].filter(
      ([, field]) =>
        ['date', 'ip', 'long', 'integer'].includes(String(field['type'])) &&
        field['ignore_malformed'] !== true,
    );
    const own = strict.filter(([path]) => path.startsWith('kubernetes.'));

    expect(own).toEqual([]);
    expect(template.template.settings).toMatchObject({ index: { mapping: { ignore_malformed: true } } });
    expect(columns.get('@timestamp')).toEqual({ type: 'date', ignore_malformed: false });
  });

  it('wins over the built-in template of logs and yields to that of the integration', () => {
    expect(template.priority).toBeGreaterThan(100);
    expect(template.priority).toBeLessThan(200);
    expect(template.data_stream).toEqual({});
  });

  it('applies to all namespaces of the data stream', () => {
    expect(template.index_patterns).toEqual(['logs-kubernetes.audit_logs-*']);
    expect(indexPattern('logs-audit.own-prod')).toBe('logs-audit.own-*');
    expect(indexPattern('audit')).toBe('audit');
  });

  it('says how long documents are kept where a template can', () => {
    expect(indexTemplate({ ...OPTIONS, retentionDays: 7 }).template.lifecycle).toEqual({
      data_retention: '7d',
    });
    expect(indexTemplate({ ...OPTIONS, flavour: 'opensearch' }).template).not.toHaveProperty('lifecycle');
  });

  it('uses only types that every server of the last years has', () => {
    const types = new Set([...columns.values()].map((field) => field['type']));

    expect(types).toEqual(new Set(['keyword', 'text', 'date', 'long', 'integer', 'ip', 'boolean']));
  });
});
