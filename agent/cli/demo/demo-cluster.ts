/** A made-up cluster: who is in it and what they ask of the API server. */
import type { SeededRandom } from './seeded-random.ts';

export interface Actor {
  readonly username: string;
  readonly groups: readonly string[];
  readonly userAgent: string;
  readonly ip: string;
  /** Why RBAC allows what the actor does; empty for the anonymous. */
  readonly binding: string;
}

export interface DemoRequest {
  readonly actor: Actor;
  readonly verb: string;
  readonly resource?: string;
  readonly apiGroup?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly query?: string;
  /** For requests that are about no resource. */
  readonly path?: string;
  readonly code: number;
  /** What was sent, for requests whose bodies the policy wants to see. */
  readonly requestObject?: Readonly<Record<string, unknown>>;
}

const NODES = ['worker-1', 'worker-2', 'worker-3'] as const;
const NAMESPACES = ['shop', 'payments', 'monitoring', 'kube-system'] as const;
const DEPLOYMENTS = ['checkout', 'cart', 'ledger', 'frontend'] as const;

const CONTROLLER: Actor = {
  username: 'system:kube-controller-manager',
  groups: ['system:authenticated'],
  userAgent: 'kube-controller-manager/v1.34.4 (linux/amd64) kubernetes/6b7a9d2/leader-election',
  ip: '10.0.0.10',
  binding:
    'ClusterRoleBinding "system:kube-controller-manager" of ClusterRole "system:kube-controller-manager"',
};
const DEPLOYER: Actor = {
  username: 'system:serviceaccount:ci:deployer',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:ci', 'system:authenticated'],
  userAgent: 'helm/3.19.0',
  ip: '10.0.4.17',
  binding: 'RoleBinding "deployer/shop" of ClusterRole "edit"',
};
const ALICE: Actor = {
  username: 'alice@example.com',
  groups: ['platform-team', 'system:authenticated'],
  userAgent: 'kubectl/v1.34.4 (darwin/arm64) kubernetes/6b7a9d2',
  ip: '192.168.20.31',
  binding: 'ClusterRoleBinding "platform-team" of ClusterRole "cluster-admin"',
};
const BOB: Actor = {
  username: 'bob@example.com',
  groups: ['developers', 'system:authenticated'],
  userAgent: 'kubectl/v1.33.1 (linux/amd64) kubernetes/8adc0f0',
  ip: '192.168.20.44',
  binding: 'RoleBinding "developers/shop" of ClusterRole "view"',
};
const ANONYMOUS: Actor = {
  username: 'system:anonymous',
  groups: ['system:unauthenticated'],
  userAgent: 'curl/8.14.1',
  ip: '203.0.113.77',
  binding: '',
};

function kubelet(node: string): Actor {
  return {
    username: `system:node:${node}`,
    groups: ['system:nodes', 'system:authenticated'],
    userAgent: 'kubelet/v1.34.4 (linux/amd64) kubernetes/6b7a9d2',
    ip: `10.0.1.${NODES.findIndex((name) => name === node) + 11}`,
    binding: 'ClusterRoleBinding "system:node" of ClusterRole "system:node"',
  };
}

function podName(random: SeededRandom): string {
  return `${random.pick(DEPLOYMENTS)}-${random.hex(9)}-${random.hex(5)}`;
}

/** What happens in the cluster; an entry met twice happens twice as often. */
const HAPPENINGS: readonly [
  (random: SeededRandom) => DemoRequest,
  ...((random: SeededRandom) => DemoRequest)[],
] = [
  leaseRenewal,
  leaseRenewal,
  leaseRenewal,
  podWatch,
  nodeStatus,
  podRead,
  podRead,
  podList,
  deployment,
  configMapCreated,
  podDeleted,
  exec,
  secretsForbidden,
  anonymousProbe,
];

/** The next request that somebody makes. */
export function nextRequest(random: SeededRandom): DemoRequest {
  return random.pick(HAPPENINGS)(random);
}

function leaseRenewal(random: SeededRandom): DemoRequest {
  const name = random.pick(['kube-controller-manager', 'kube-scheduler'] as const);
  return {
    ...inNamespace('coordination.k8s.io', 'leases', 'kube-system'),
    actor: CONTROLLER,
    verb: 'update',
    name,
    code: 200,
  };
}

function podWatch(random: SeededRandom): DemoRequest {
  const node = random.pick(NODES);
  const query = `allowWatchBookmarks=true&fieldSelector=spec.nodeName%3D${node}&watch=true`;
  return { actor: kubelet(node), verb: 'watch', resource: 'pods', query, code: 200 };
}

function nodeStatus(random: SeededRandom): DemoRequest {
  const node = random.pick(NODES);
  return {
    actor: kubelet(node),
    verb: 'patch',
    resource: 'nodes',
    name: node,
    subresource: 'status',
    code: 200,
  };
}

function podRead(random: SeededRandom): DemoRequest {
  const found = random.below(8) > 0;
  return {
    ...inNamespace('', 'pods', random.pick(NAMESPACES)),
    actor: BOB,
    verb: 'get',
    name: podName(random),
    code: found ? 200 : 404,
  };
}

function podList(random: SeededRandom): DemoRequest {
  return {
    ...inNamespace('', 'pods', random.pick(NAMESPACES)),
    actor: ALICE,
    verb: 'list',
    query: 'limit=500',
    code: 200,
  };
}

function deployment(random: SeededRandom): DemoRequest {
  const name = random.pick(DEPLOYMENTS);
  const image = `registry.example.com/shop/${name}:1.${random.below(40)}.${random.below(10)}`;
  const requestObject = { spec: { template: { spec: { containers: [{ name, image }] } } } };
  return {
    ...inNamespace('apps', 'deployments', 'shop'),
    actor: DEPLOYER,
    verb: 'patch',
    name,
    code: 200,
    requestObject,
  };
}

function configMapCreated(random: SeededRandom): DemoRequest {
  const name = `release-${random.hex(6)}`;
  const requestObject = {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name, namespace: 'shop' },
    data: { revision: random.hex(40), channel: 'stable' },
  };
  return {
    ...inNamespace('', 'configmaps', 'shop'),
    actor: DEPLOYER,
    verb: 'create',
    name,
    code: 201,
    requestObject,
  };
}

function podDeleted(random: SeededRandom): DemoRequest {
  return {
    ...inNamespace('', 'pods', 'payments'),
    actor: ALICE,
    verb: 'delete',
    name: podName(random),
    code: 200,
  };
}

function exec(random: SeededRandom): DemoRequest {
  const name = podName(random);
  const query = 'command=sh&container=app&stdin=true&stdout=true&tty=true';
  return {
    ...inNamespace('', 'pods', 'payments'),
    actor: ALICE,
    verb: 'get',
    name,
    subresource: 'exec',
    query,
    code: 101,
  };
}

function secretsForbidden(random: SeededRandom): DemoRequest {
  return {
    ...inNamespace('', 'secrets', random.pick(NAMESPACES)),
    actor: BOB,
    verb: 'list',
    query: 'limit=500',
    code: 403,
  };
}

function anonymousProbe(random: SeededRandom): DemoRequest {
  const path = random.pick(['/api/v1/secrets', '/version', '/metrics', '/.env'] as const);
  return { actor: ANONYMOUS, verb: 'get', path, code: path === '/version' ? 200 : 403 };
}

function inNamespace(apiGroup: string, resource: string, namespace: string) {
  return { ...(apiGroup === '' ? {} : { apiGroup }), resource, namespace };
}
