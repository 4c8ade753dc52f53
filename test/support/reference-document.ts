import type { EventRecord } from '../../agent/event/record.ts';
import type { DocumentContext } from '../../agent/sink/definition.ts';

/** JSON as the tests look at it. */
export type Json = Record<string, unknown>;

const READS = ['get', 'list', 'watch'];
const TYPES = new Map([
  ['create', 'creation'],
  ['update', 'change'],
  ['patch', 'change'],
  ['delete', 'deletion'],
  ['deletecollection', 'deletion'],
]);
const RBAC = ['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'];

export interface ReferenceOptions {
  readonly context: DocumentContext;
  readonly agentId: string;
  readonly nowMs: number;
}

/**
 * The document of an event in its whole form, made the slow and plain way: parse, pick, build. It knows nothing of how the encoder
 * works, and does not treat events whose keys a server would refuse.
 */
export function referenceDocument(record: EventRecord, options: ReferenceOptions): unknown {
  const event = JSON.parse(record.bytes.toString('utf8', record.start, record.end)) as Json;
  const { context } = options;
  const now = new Date(options.nowMs).toISOString();
  const addresses = strings(event['sourceIPs']).filter(isAddress);
  const user = objectAt(event, 'user');
  const impersonated = objectAt(event, 'impersonatedUser');
  const reference = objectAt(event, 'objectRef');
  const stamps = [event['stageTimestamp'], event['requestReceivedTimestamp']].filter((time) => isTime(time));
  return pruned({
    '@timestamp': stamps[0] ?? now,
    ecs: { version: '9.4.0' },
    data_stream: { type: 'logs', dataset: 'kubernetes.audit_logs', namespace: 'default' },
    host: { name: context.nodeName, hostname: context.nodeName },
    agent: {
      name: context.nodeName,
      type: 'kube-audit-agent',
      version: context.agentVersion,
      id: options.agentId,
    },
    log: {
      file: {
        path: record.file.path,
        inode: String(record.file.inode),
        fingerprint: record.file.fingerprint,
      },
      offset: record.offset,
    },
    event: {
      kind: 'event',
      dataset: 'kubernetes.audit_logs',
      created: now,
      ingested: now,
      sequence: record.offset,
      ...classification(event),
      action: event['verb'],
      id: event['auditID'],
      ...times(event),
    },
    user: {
      ...userFields(user),
      effective: userFields(impersonated),
    },
    user_agent: { original: event['userAgent'] },
    source: { ip: addresses },
    client: { ip: addresses },
    related: {
      ip: addresses,
      user: [user['username'], user['uid'], impersonated['username'], impersonated['uid']],
    },
    orchestrator: {
      type: 'kubernetes',
      api_version: event['apiVersion'],
      namespace: reference['namespace'],
      resource: { name: reference['name'], type: reference['resource'] },
      cluster: { name: context.clusterName },
    },
    container: { image: { name: images(event) } },
    k8s_audit: {
      peer_ip: isAddress(strings(event['sourceIPs']).at(-1) ?? '')
        ? strings(event['sourceIPs']).at(-1)
        : undefined,
      rbac: rbac(event),
      degraded: record.degraded === '' ? [] : [record.degraded],
    },
    kubernetes: { audit: new Kept(dedotted(event)) },
  });
}

/** Protects what is copied as it stands from pruning. */
class Kept {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

function dedotted(event: Json): Json {
  if (event['annotations'] === undefined || event['annotations'] === null) return event;
  const entries = Object.entries(objectAt(event, 'annotations'));
  return {
    ...event,
    annotations: Object.fromEntries(entries.map(([key, value]) => [key.replaceAll('.', '_'), value])),
  };
}

function classification(event: Json): Json {
  const reference = objectAt(event, 'objectRef');
  const annotations = objectAt(event, 'annotations');
  const verb = String(event['verb']);
  const type = READS.includes(verb) ? 'access' : (TYPES.get(verb) ?? 'info');
  const decision = annotations['authorization.k8s.io/decision'];
  const writes = TYPES.has(verb) && event['objectRef'] !== undefined;
  return {
    category: ['api', ...(writes ? ['configuration'] : []), ...(isIam(reference) ? ['iam'] : [])],
    type: [type, ...(decision === 'allow' ? ['allowed'] : decision === 'forbid' ? ['denied'] : [])],
    outcome: outcome(event, decision),
  };
}

function isIam(reference: Json): boolean {
  const { resource, subresource, apiGroup } = reference;
  if (resource === 'serviceaccounts') return subresource === 'token';
  if (resource === 'certificatesigningrequests') return apiGroup === 'certificates.k8s.io';
  return RBAC.includes(String(resource)) && apiGroup === 'rbac.authorization.k8s.io';
}

function outcome(event: Json, decision: unknown): string {
  const code = Number(objectAt(event, 'responseStatus')['code'] ?? 0);
  if (code > 0) return code < 400 ? 'success' : 'failure';
  if (event['stage'] === 'Panic') return 'failure';
  if (decision === 'allow') return 'success';
  return decision === 'forbid' ? 'failure' : 'unknown';
}

function times(event: Json): Json {
  const start = event['requestReceivedTimestamp'];
  const end = event['stageTimestamp'];
  const both = isTime(start) && isTime(end);
  const nanoseconds = both ? Number(nanosecondsOf(end) - nanosecondsOf(start)) : -1;
  return {
    start: isTime(start) ? start : undefined,
    end: isTime(end) ? end : undefined,
    duration: nanoseconds >= 0 && Number.isSafeInteger(nanoseconds) ? nanoseconds : undefined,
  };
}

function nanosecondsOf(time: string): bigint {
  const fraction = (/\.(\d+)/.exec(time)?.[1] ?? '').padEnd(9, '0');
  return BigInt(Date.parse(time.replace(/\.\d+/, ''))) * 1_000_000n + BigInt(fraction);
}

/** Times in UTC; `Date` would take the 30th of February for the 2nd of March. */
function isTime(time: unknown): time is string {
  if (typeof time !== 'string' || !/^\d{4}-\d\d-\d\dT.*Z$/.test(time)) return false;
  const ms = Date.parse(time);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(time.slice(0, 19));
}

function userFields(user: Json): Json {
  return {
    name: user['username'],
    id: user['uid'],
    group: { name: strings(user['groups']).length > 0 ? new Kept(user['groups']) : undefined },
  };
}

function rbac(event: Json): unknown {
  const reason = String(objectAt(event, 'annotations')['authorization.k8s.io/reason']);
  const match = /^RBAC: allowed by \w+ "([^"\\]*)" of \w+ "([^"\\]*)"/.exec(reason);
  return match === null ? undefined : { binding: match[1], role: match[2] };
}

function images(event: Json): unknown[] {
  const containers = objectAt(objectAt(event, 'requestObject'), 'spec')['containers'];
  if (!Array.isArray(containers)) return [];
  return containers
    .map((container: unknown) => objectAt({ container }, 'container')['image'])
    .filter((image) => typeof image === 'string');
}

/** Addresses as text; deliberately another way than the encoder's. */
function isAddress(text: string): boolean {
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(text))
    return text.split('.').every((part) => String(Number(part)) === part && Number(part) < 256);
  return text.includes(':') && /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`);
}

function objectAt(parent: Json, key: string): Json {
  const value = parent[key];
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((element) => typeof element === 'string') : [];
}

/** Without members that are undefined, null, empty text, empty arrays or empty objects. */
function pruned(value: unknown): unknown {
  if (value instanceof Kept) return value.value;
  if (Array.isArray(value)) {
    const kept = value.filter((element) => element !== undefined && element !== null && element !== '');
    return kept.length === 0 ? undefined : kept;
  }
  if (typeof value !== 'object' || value === null) return value === null || value === '' ? undefined : value;
  const entries = Object.entries(value).map(([key, member]) => [key, pruned(member)] as const);
  const kept = entries.filter(([, member]) => member !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
