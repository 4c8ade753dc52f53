import { nextRequest, type DemoRequest } from './demo-cluster.ts';
import { seededRandom, type SeededRandom } from './seeded-random.ts';

/** Makes audit events of a made-up cluster, one a call, as the API server writes them. The same seed makes the same requests. */
export interface AuditEventSource {
  /** One line without its line feed. */
  next(nowMs: number): string;
}

export function createAuditEventSource(options: { readonly seed: number }): AuditEventSource {
  const random = seededRandom(options.seed);
  return { next: (nowMs) => eventLine(nextRequest(random), random, nowMs) };
}

function eventLine(request: DemoRequest, random: SeededRandom, nowMs: number): string {
  const { actor, verb, code, requestObject } = request;
  const durationMs = 1 + random.below(40);
  // Keys in the order in which the API server writes them.
  return goJson({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: requestObject === undefined ? 'Metadata' : 'RequestResponse',
    auditID: uuid(random),
    stage: verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete',
    requestURI: uri(request),
    verb,
    user: { username: actor.username, groups: actor.groups },
    sourceIPs: [actor.ip],
    userAgent: actor.userAgent,
    objectRef: objectRef(request),
    responseStatus: responseStatus(request),
    requestObject,
    responseObject: requestObject === undefined ? undefined : stored(request, random),
    requestReceivedTimestamp: microTime(nowMs - durationMs, random.below(1000)),
    stageTimestamp: microTime(nowMs, random.below(1000)),
    annotations: annotations(request, code !== 403),
  });
}

/** Go writes these three as escapes. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`);
}

function uuid(random: SeededRandom): string {
  const variant = random.pick(['8', '9', 'a', 'b'] as const);
  return `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-${variant}${random.hex(3)}-${random.hex(12)}`;
}

function uri(request: DemoRequest): string {
  if (request.path !== undefined) return request.path;
  const { apiGroup, namespace, resource, name, subresource, query, verb } = request;
  const parts = [
    apiGroup === undefined ? '/api/v1' : `/apis/${apiGroup}/v1`,
    namespace === undefined ? '' : `/namespaces/${namespace}`,
    `/${resource}`,
    name === undefined || verb === 'create' ? '' : `/${name}`,
    subresource === undefined ? '' : `/${subresource}`,
    query === undefined ? '' : `?${query}`,
  ];
  return parts.join('');
}

function objectRef(request: DemoRequest): object | undefined {
  const { resource, namespace, name, apiGroup, subresource } = request;
  return resource === undefined
    ? undefined
    : { resource, namespace, name, apiGroup, apiVersion: 'v1', subresource };
}

function responseStatus({
  actor,
  verb,
  code,
  path,
  resource,
  name,
  namespace,
  apiGroup,
}: DemoRequest): object {
  if (code < 400) return { metadata: {}, code };
  if (code === 404)
    return {
      metadata: {},
      status: 'Failure',
      message: `${resource} "${name}" not found`,
      reason: 'NotFound',
      code,
    };
  const where = namespace === undefined ? '' : ` in the namespace "${namespace}"`;
  const what =
    resource === undefined
      ? `cannot ${verb} path "${path}"`
      : `cannot ${verb} resource "${resource}" in API group "${apiGroup ?? ''}"${where}`;
  const message = `${resource ?? ''} is forbidden: User "${actor.username}" ${what}`.trimStart();
  return { metadata: {}, status: 'Failure', message, reason: 'Forbidden', code };
}

/** The object as the server stored it. */
function stored({ name, namespace, requestObject }: DemoRequest, random: SeededRandom): object {
  const resourceVersion = String(100_000 + random.below(900_000));
  return { ...requestObject, metadata: { name, namespace, uid: uuid(random), resourceVersion } };
}

function annotations({ actor }: DemoRequest, isAllowed: boolean): Readonly<Record<string, string>> {
  const kind = actor.username.startsWith('system:serviceaccount:') ? 'ServiceAccount' : 'User';
  const reason =
    isAllowed && actor.binding !== ''
      ? `RBAC: allowed by ${actor.binding} to ${kind} "${actor.username}"`
      : '';
  return {
    'authorization.k8s.io/decision': isAllowed ? 'allow' : 'forbid',
    'authorization.k8s.io/reason': reason,
  };
}

function microTime(ms: number, micros: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}
