/**
 * The index template of the audit data stream: which fields can be searched. Everything is kept in `_source`; what is not named here is
 * not indexed (`dynamic: false`), because bodies, annotations and extras have keys of anybody's choosing.
 */
import { dataStreamParts } from '../../document/data-stream.ts';

export interface IndexTemplateOptions {
  readonly dataStream: string;
  readonly flavour: 'elasticsearch' | 'opensearch';
  /** After how many days the server deletes documents; OpenSearch templates cannot say it, there a policy does. */
  readonly retentionDays: number;
}

/** A field of the mapping, or an object of them. */
export type MappedField = Readonly<Record<string, unknown>>;

type Fields = Readonly<Record<string, MappedField>>;

export interface IndexTemplate {
  readonly index_patterns: readonly string[];
  readonly data_stream: Readonly<Record<string, never>>;
  readonly priority: number;
  readonly template: {
    readonly settings: Readonly<Record<string, unknown>>;
    readonly mappings: { readonly dynamic: false; readonly properties: Fields };
    readonly lifecycle?: { readonly data_retention: string };
  };
}

/** Above the built-in template `logs-*-*` (100), below that of Elastic's own integration (200), which then has its way. */
const PRIORITY = 150;

/**
 * Longest text that is indexed as a keyword, characters. A term of more than 32,766 bytes refuses its document, and a character may
 * take four bytes.
 */
const MAX_KEYWORD = 1024;
const MAX_LONG_KEYWORD = 8191;

/** What matches all data streams of the same type and dataset, whatever their namespace. */
export function indexPattern(dataStream: string): string {
  const { type, dataset } = dataStreamParts(dataStream);
  return dataStream.startsWith(`${type}-${dataset}-`) ? `${type}-${dataset}-*` : dataStream;
}

export function indexTemplate(options: IndexTemplateOptions): IndexTemplate {
  const { dataStream, flavour, retentionDays } = options;
  const lifecycle = flavour === 'elasticsearch' ? { lifecycle: { data_retention: `${retentionDays}d` } } : {};
  return {
    index_patterns: [indexPattern(dataStream)],
    data_stream: {},
    priority: PRIORITY,
    template: {
      // A field of the wrong kind inside a body (a number that is text) must not refuse the event. The setting reaches the types that
      // cannot say it themselves on every server (boolean); @timestamp of a data stream must be exempt.
      settings: { index: { codec: 'best_compression', mapping: { ignore_malformed: true } } },
      mappings: { dynamic: false, properties: documentFields() },
      ...lifecycle,
    },
  };
}

function documentFields(): Fields {
  return {
    '@timestamp': { type: 'date', ignore_malformed: false },
    message: { type: 'text' },
    tags: keyword(),
    ecs: object({ version: keyword() }),
    data_stream: object({ type: keyword(), dataset: keyword(), namespace: keyword() }),
    host: object({ name: keyword(), hostname: keyword() }),
    agent: object({ name: keyword(), type: keyword(), version: keyword(), id: keyword() }),
    log: object({
      level: keyword(),
      offset: { type: 'long' },
      file: object({ path: longKeyword(), inode: keyword(), fingerprint: keyword() }),
    }),
    event: eventFields(),
    user: object({ ...userFields(), effective: object(userFields()) }),
    user_agent: object({ original: withText(longKeyword()) }),
    source: object({ ip: ip() }),
    client: object({ ip: ip() }),
    related: object({ ip: ip(), user: keyword() }),
    orchestrator: orchestratorFields(),
    container: object({ image: object({ name: keyword() }) }),
    error: object({ message: { type: 'text' } }),
    k8s_audit: ownFields(),
    kubernetes: object({ audit: auditFields() }),
  };
}

function eventFields(): MappedField {
  return object({
    kind: keyword(),
    dataset: keyword(),
    category: keyword(),
    type: keyword(),
    action: keyword(),
    outcome: keyword(),
    id: keyword(),
    start: date(),
    end: date(),
    duration: { type: 'long' },
    created: date(),
    ingested: date(),
    sequence: { type: 'long' },
    original: unindexed(),
  });
}

function userFields(): Fields {
  return { name: keyword(), id: keyword(), group: object({ name: keyword() }) };
}

function orchestratorFields(): MappedField {
  return object({
    type: keyword(),
    api_version: keyword(),
    namespace: keyword(),
    resource: object({ name: keyword(), type: keyword() }),
    cluster: object({ id: keyword(), name: keyword(), version: keyword() }),
  });
}

function ownFields(): MappedField {
  return object({
    peer_ip: ip(),
    rbac: object({ binding: keyword(), role: keyword() }),
    degraded: keyword(),
    truncated: keyword(),
    redacted: keyword(),
    bodies: unindexed(),
    gap: object({
      log: keyword(),
      reason: keyword(),
      path: longKeyword(),
      fingerprint: keyword(),
      offset: { type: 'long' },
      unread_bytes: { type: 'long' },
      last_event_before: date(),
      first_event_after: date(),
    }),
  });
}

/** `kubernetes.audit`: the event as logged, the fields of Elastic's own integration and what its rules ask for. */
function auditFields(): MappedField {
  const user = { username: keyword(), uid: keyword(), groups: keyword(), extra: extraFields() };
  return object({
    kind: keyword(),
    apiVersion: keyword(),
    level: keyword(),
    auditID: keyword(),
    stage: keyword(),
    requestURI: longKeyword(),
    verb: keyword(),
    user: object(user),
    impersonatedUser: object(user),
    authenticationMetadata: object({ impersonationConstraint: keyword() }),
    sourceIPs: { ...keyword(), fields: { ip: ip() } },
    userAgent: withText(longKeyword()),
    objectRef: keywords(
      'resource namespace name uid apiGroup apiVersion resourceVersion subresource'.split(' '),
    ),
    responseStatus: object({
      code: { type: 'integer', ignore_malformed: true },
      status: keyword(),
      reason: keyword(),
      message: { type: 'text' },
    }),
    requestReceivedTimestamp: date(),
    stageTimestamp: date(),
    annotations: annotationFields(),
    requestObject: bodyFields(),
    responseObject: bodyFields(),
  });
}

/** Credentials and the pod that a token belongs to; other extras are the choice of whoever authenticates or impersonates. */
function extraFields(): MappedField {
  const names = ['credential-id', 'node-name', 'node-uid', 'pod-name', 'pod-uid'];
  return keywords(names.map((name) => `authentication.kubernetes.io/${name}`));
}

function annotationFields(): MappedField {
  const names = [
    'authorization_k8s_io/decision',
    'k8s_io/deprecated',
    'k8s_io/removed-release',
    'pod-security_kubernetes_io/enforce-policy',
    'pod-security_kubernetes_io/exempt',
    'authentication_kubernetes_io/issued-credential-id',
    'authentication_k8s_io/stale-token',
    'authentication_k8s_io/legacy-token',
    'audit_k8s_io/truncated',
  ];
  const text = { type: 'text' };
  return object({
    ...properties(names),
    'authorization_k8s_io/reason': text,
    'pod-security_kubernetes_io/audit-violations': text,
    'validation_policy_admission_k8s_io/validation_failure': text,
  });
}

/** The same for requests and responses, so that a search can be moved from one to the other. */
function bodyFields(): MappedField {
  return object({
    apiVersion: keyword(),
    kind: keyword(),
    roleRef: keywords(['apiGroup', 'kind', 'name']),
    subjects: keywords(['apiGroup', 'kind', 'name', 'namespace']),
    // Not `nested`: rules that ask for rules.verbs without nested syntax would find nothing.
    rules: keywords(['apiGroups', 'resources', 'resourceNames', 'verbs', 'nonResourceURLs']),
    spec: object({
      type: keyword(),
      serviceAccountName: keyword(),
      restartPolicy: keyword(),
      hostNetwork: boolean(),
      hostIPC: boolean(),
      hostPID: boolean(),
      securityContext: object(securityContextFields()),
      volumes: object({ name: keyword(), hostPath: keywords(['path', 'type']) }),
      containers: object(containerFields()),
      initContainers: object(containerFields()),
      ephemeralContainers: object(containerFields()),
    }),
  });
}

function containerFields(): Fields {
  return {
    name: keyword(),
    image: keyword(),
    command: { type: 'text' },
    args: { type: 'text' },
    volumeMounts: keywords(['name', 'mountPath', 'subPath']),
    securityContext: object({
      ...securityContextFields(),
      privileged: boolean(),
      allowPrivilegeEscalation: boolean(),
      procMount: keyword(),
      capabilities: keywords(['add', 'drop']),
    }),
  };
}

function securityContextFields(): Fields {
  return {
    runAsUser: long(),
    runAsGroup: long(),
    runAsNonRoot: boolean(),
    seccompProfile: keywords(['type']),
  };
}

function object(fields: Fields): MappedField {
  return { properties: fields };
}

function keywords(names: readonly string[]): MappedField {
  return object(properties(names));
}

function properties(names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, keyword()]));
}

function keyword(): MappedField {
  return { type: 'keyword', ignore_above: MAX_KEYWORD };
}

/** For what must stay searchable however long it is made: an exec URI that is padded past the limit would blind rules. */
function longKeyword(): MappedField {
  return { type: 'keyword', ignore_above: MAX_LONG_KEYWORD };
}

function withText(field: MappedField): MappedField {
  return { ...field, fields: { text: { type: 'text' } } };
}

/** Mapped, so that queries that name it are valid, but only kept. */
function unindexed(): MappedField {
  return { type: 'keyword', index: false, doc_values: false };
}

function ip(): MappedField {
  return { type: 'ip', ignore_malformed: true };
}

function date(): MappedField {
  return { type: 'date', ignore_malformed: true };
}

function long(): MappedField {
  return { type: 'long', ignore_malformed: true };
}

function boolean(): MappedField {
  return { type: 'boolean' };
}
