/** Who does what in generated logs, and the events that come of it, with holes for what differs from event to event. */

export type Slot = 'uuid' | 'suffix' | 'number' | 'received' | 'staged';

const SLOT_BYTES: Readonly<Record<Slot, number>> = {
  uuid: 36,
  suffix: 5,
  number: 8,
  received: 27,
  staged: 27,
};

export interface EventTemplate {
  /** Fixed bytes and the holes between them, in order. */
  readonly parts: readonly (Buffer | Slot)[];
  /** Length of a rendered event, without its line feed. */
  readonly bytes: number;
}

export interface Actor {
  readonly user: Readonly<Record<string, unknown>>;
  readonly sourceIPs: readonly string[];
  readonly userAgent: string;
  readonly reason: string;
}

export interface Action {
  readonly verb: string;
  readonly uri: string;
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly code: number;
  readonly stages: readonly ('RequestReceived' | 'ResponseStarted' | 'ResponseComplete')[];
  readonly latency?: boolean;
}

function uuidOf(number: number): string {
  const digits = (number * 2_654_435_761).toString(16).padStart(12, '0').slice(-12);
  return `${digits.slice(0, 8)}-4c1d-4b7e-9a3f-${digits}`;
}

function serviceAccount(number: number, namespace: string, name: string): Actor {
  return {
    user: {
      username: `system:serviceaccount:${namespace}:${name}`,
      uid: uuidOf(number),
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/credential-id': [`JTI=${uuidOf(number + 100)}`],
        'authentication.kubernetes.io/node-name': [`worker-${number}`],
        'authentication.kubernetes.io/node-uid': [uuidOf(number + 200)],
        'authentication.kubernetes.io/pod-name': [`${name}-6d4cf56db6-k${number}x7q`],
        'authentication.kubernetes.io/pod-uid': [uuidOf(number + 300)],
      },
    },
    sourceIPs: [`10.244.${number}.17`],
    userAgent: `${name}/v1.8.${number} (linux/amd64) kubernetes/f3a1c0d`,
    reason: `RBAC: allowed by ClusterRoleBinding "${name}" of ClusterRole "${name}" to ServiceAccount "${name}/${namespace}"`,
  };
}

function component(number: number, username: string, groups: readonly string[]): Actor {
  const name = username.split(':').at(-1) ?? username;
  const credential = uuidOf(number).replaceAll('-', '').repeat(2);
  return {
    user: {
      username,
      groups,
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${credential}`] },
    },
    sourceIPs: [`10.0.0.${10 + number}`],
    userAgent: `${name}/v1.34.4 (linux/amd64) kubernetes/a1b2c3d/shared-informers`,
    reason: `RBAC: allowed by ClusterRoleBinding "${username}" of ClusterRole "${username}" to User "${username}"`,
  };
}

export const ACTORS: readonly Actor[] = [
  serviceAccount(1, 'kube-system', 'deployment-controller'),
  serviceAccount(2, 'kube-system', 'generic-garbage-collector'),
  serviceAccount(3, 'argocd', 'argocd-application-controller'),
  serviceAccount(4, 'monitoring', 'prometheus-k8s'),
  serviceAccount(5, 'cert-manager', 'cert-manager'),
  serviceAccount(6, 'ingress', 'ingress-nginx'),
  serviceAccount(7, 'shop', 'checkout'),
  component(8, 'system:kube-controller-manager', ['system:authenticated']),
  component(9, 'system:kube-scheduler', ['system:authenticated']),
  component(10, 'system:node:worker-10', ['system:nodes', 'system:authenticated']),
  component(11, 'alice@example.com', ['developers', 'oncall', 'system:authenticated']),
];

const COMPLETE = ['ResponseComplete'] as const;
const BOTH = ['RequestReceived', 'ResponseComplete'] as const;
const LIST = 'allowWatchBookmarks=true&resourceVersion=18834412&timeoutSeconds=512&watch=true';

export const ACTIONS: readonly Action[] = [
  { ...pods('update', '/status'), code: 200, stages: COMPLETE },
  { ...pods('get', ''), code: 200, stages: COMPLETE },
  { ...pods('delete', ''), code: 200, stages: BOTH },
  { ...pods('get', '/log'), code: 200, stages: ['ResponseStarted', 'ResponseComplete'] },
  { ...pods('get', ''), code: 404, stages: COMPLETE },
  { ...object('apps', 'v1', 'deployments', 'patch'), code: 200, stages: BOTH, latency: true },
  { ...object('apps', 'v1', 'replicasets', 'update'), code: 409, stages: COMPLETE },
  { ...object('coordination.k8s.io', 'v1', 'leases', 'update'), code: 200, stages: COMPLETE },
  { ...object('discovery.k8s.io', 'v1', 'endpointslices', 'update'), code: 200, stages: COMPLETE },
  { ...object('', 'v1', 'secrets', 'get'), code: 403, stages: COMPLETE },
  { ...object('', 'v1', 'configmaps', 'update'), code: 200, stages: BOTH },
  { ...object('', 'v1', 'events', 'create'), code: 201, stages: COMPLETE },
  { verb: 'get', uri: '/apis/apps/v1?timeout=32s', code: 200, stages: COMPLETE },
  {
    verb: 'watch',
    uri: `/api/v1/configmaps?${LIST}`,
    objectRef: { resource: 'configmaps', apiVersion: 'v1' },
    code: 200,
    stages: ['ResponseStarted', 'ResponseComplete'],
  },
];

function pods(verb: string, subresource: string): Pick<Action, 'verb' | 'uri' | 'objectRef'> {
  const name = 'checkout-6d4cf56db6-{suffix}';
  const objectRef = { resource: 'pods', namespace: 'shop', name, apiVersion: 'v1' };
  return {
    verb,
    uri: `/api/v1/namespaces/shop/pods/${name}${subresource}`,
    objectRef: subresource === '' ? objectRef : { ...objectRef, subresource: subresource.slice(1) },
  };
}

function object(
  apiGroup: string,
  apiVersion: string,
  resource: string,
  verb: string,
): Pick<Action, 'verb' | 'uri' | 'objectRef'> {
  const prefix = apiGroup === '' ? `/api/${apiVersion}` : `/apis/${apiGroup}/${apiVersion}`;
  const name = `${resource}-production-{suffix}`;
  const inUri = verb === 'create' ? '' : `/${name}`;
  return {
    verb,
    uri: `${prefix}/namespaces/payments/${resource}${inUri}?fieldManager=application-controller&timeout=10s`,
    objectRef: {
      resource,
      namespace: 'payments',
      name,
      uid: '{uuid}',
      ...(apiGroup === '' ? {} : { apiGroup }),
      apiVersion,
      resourceVersion: '{number}',
    },
  };
}

/** The events of one action of one actor, one per stage. */
export function renderEvent(actor: Actor, action: Action): EventTemplate[] {
  return action.stages.map((stage) => cut(goJson(eventOf(actor, action, stage))));
}

function eventOf(actor: Actor, action: Action, stage: Action['stages'][number]): unknown {
  const received = stage === 'RequestReceived';
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: '{uuid}',
    stage,
    requestURI: action.uri,
    verb: action.verb,
    user: actor.user,
    sourceIPs: actor.sourceIPs,
    userAgent: actor.userAgent,
    objectRef: action.objectRef,
    responseStatus: received ? undefined : statusOf(action),
    requestReceivedTimestamp: '{received}',
    stageTimestamp: received ? '{received}' : '{staged}',
    annotations: received ? undefined : annotationsOf(actor, action),
  };
}

function statusOf({ code, objectRef }: Action): unknown {
  if (code < 400) return { metadata: {}, code };
  const reason = code === 403 ? 'Forbidden' : code === 404 ? 'NotFound' : 'Conflict';
  const message = `${objectRef?.['resource']} "${objectRef?.['name']}" was refused: ${reason}`;
  return { metadata: {}, status: 'Failure', message, reason, code };
}

function annotationsOf(actor: Actor, { code, latency }: Action): Record<string, string> {
  return {
    ...(latency === true ? { 'apiserver.latency.k8s.io/etcd': '412.806µs' } : {}),
    ...(latency === true ? { 'apiserver.latency.k8s.io/total': '531.212ms' } : {}),
    'authorization.k8s.io/decision': code === 403 ? 'forbid' : 'allow',
    'authorization.k8s.io/reason': code === 403 ? '' : actor.reason,
  };
}

/** JSON as the API server's encoder writes it: `<`, `>` and `&` are escaped. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);
}

function cut(text: string): EventTemplate {
  const pieces = text.split(/\{(uuid|suffix|number|received|staged)\}/);
  const parts = pieces.map((piece, index) => (index % 2 === 0 ? Buffer.from(piece) : slotOf(piece)));
  const bytes = parts.reduce(
    (sum, part) => sum + (typeof part === 'string' ? SLOT_BYTES[part] : part.length),
    0,
  );
  return { parts, bytes };
}

function slotOf(name: string): Slot {
  switch (name) {
    case 'suffix':
    case 'number':
    case 'received':
    case 'staged':
      return name;
    default:
      return 'uuid';
  }
}
