import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig } from '../../agent/config/load.ts';
import { elasticsearchSink } from '../../agent/sink/elasticsearch/definition.ts';

const BASE = join(import.meta.dirname, '..', '..', 'manifests', 'base');

interface Volume {
  name: string;
  hostPath?: { path: string; type: string };
  secret?: { secretName: string };
  configMap?: { name: string };
}

interface Container {
  args: string[];
  env: { name: string; valueFrom: { fieldRef: { fieldPath: string } } }[];
  ports: { name: string; containerPort: number }[];
  livenessProbe: Probe;
  readinessProbe: Probe;
  startupProbe: Probe;
  securityContext: Record<string, unknown>;
  resources: { limits: Record<string, string>; requests: Record<string, string> };
  volumeMounts: { name: string; mountPath: string; subPath?: string; readOnly?: boolean }[];
}

interface Probe {
  httpGet: { path: string; port: string };
}

interface DaemonSet {
  spec: {
    template: {
      spec: {
        terminationGracePeriodSeconds: number;
        automountServiceAccountToken: boolean;
        serviceAccountName: string;
        hostNetwork?: boolean;
        hostPID?: boolean;
        securityContext: Record<string, unknown>;
        tolerations: { key: string; operator: string }[];
        containers: [Container];
        volumes: Volume[];
      };
    };
  };
}

function read(file: string): unknown {
  return parse(readFileSync(join(BASE, file), 'utf8'));
}

const pod = (read('daemonset.yaml') as DaemonSet).spec.template.spec;
const [container] = pod.containers;

function loadBase() {
  const env = { NODE_NAME: 'control-plane-1' };
  return loadConfig({
    file: join(BASE, 'config.yaml'),
    env,
    definitions: [elasticsearchSink],
    hostName: 'host',
  });
}

/** The volume in which a path of the container lies. */
function volumeOf(path: string): { volume: Volume | undefined; readOnly: boolean } {
  const mount = container.volumeMounts.find(
    ({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`),
  );
  const volume = pod.volumes.find(({ name }) => name === mount?.name);
  return { volume, readOnly: mount?.readOnly === true };
}

describe('the configuration of manifests/base', () => {
  it('is accepted by the program', async () => {
    const config = await loadBase();

    expect(config.node.name).toBe('control-plane-1');
    expect(config.sinks).toHaveLength(1);
  });

  it('is the file that the agent is started with', () => {
    const kustomization = read('kustomization.yaml') as {
      configMapGenerator: { name: string; files: string[] }[];
    };
    const file = container.args.at(-1) ?? '';

    expect(container.args.slice(0, 2)).toEqual(['run', '--config']);
    expect(volumeOf(file).volume?.configMap?.name).toBe(kustomization.configMapGenerator[0]?.name);
    expect(kustomization.configMapGenerator[0]?.files).toEqual([file.split('/').at(-1)]);
  });

  it('names a log and a state directory that the pod mounts, the log read-only', async () => {
    const config = await loadBase();
    const log = volumeOf(config.logs[0]?.path ?? '');
    const state = volumeOf(config.stateDir);

    expect(log.volume?.hostPath).toEqual({ path: '/var/log/kubernetes/audit', type: 'Directory' });
    expect(log.readOnly).toBe(true);
    expect(state.volume?.hostPath).toEqual({ path: config.stateDir, type: 'DirectoryOrCreate' });
    expect(state.readOnly).toBe(false);
  });

  it('takes its key from the secret of the example', () => {
    const config = read('config.yaml') as { sinks: [{ apiKeyFile: string }] };
    const example = read('secret.example.yaml') as {
      metadata: { name: string };
      stringData: Record<string, string>;
    };
    const { volume } = volumeOf(config.sinks[0].apiKeyFile);

    expect(volume?.secret?.secretName).toBe(example.metadata.name);
    expect(Object.keys(example.stringData)).toEqual([config.sinks[0].apiKeyFile.split('/').at(-1)]);
  });

  it('listens where the probes ask', async () => {
    const config = await loadBase();
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];

    expect(container.ports).toEqual([{ name: 'telemetry', containerPort: config.telemetry.listen.port }]);
    expect(probes.map(({ httpGet }) => httpGet.path)).toEqual(['/livez', '/livez', '/readyz']);
    expect(probes.every(({ httpGet }) => httpGet.port === 'telemetry')).toBe(true);
  });

  it('leaves the agent more time to stop than it takes', async () => {
    const config = await loadBase();

    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(config.shutdownTimeoutMs + 5000);
  });
});

describe('the pod of manifests/base', () => {
  it('has no more rights than reading a file of root needs', () => {
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.securityContext).toEqual({
      runAsUser: 0,
      runAsGroup: 0,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.hostNetwork).toBeUndefined();
    expect(pod.hostPID).toBeUndefined();
    expect(pod.automountServiceAccountToken).toBe(false);
  });

  it('mounts directories, never single files, and nothing of the host but log and state', () => {
    const hostPaths = pod.volumes.flatMap(({ hostPath }) => (hostPath === undefined ? [] : [hostPath]));

    expect(container.volumeMounts.filter(({ subPath }) => subPath !== undefined)).toEqual([]);
    expect(hostPaths).toHaveLength(2);
    expect(hostPaths.every(({ type }) => type === 'Directory' || type === 'DirectoryOrCreate')).toBe(true);
  });

  it('is let onto control-plane nodes', () => {
    const tolerated = pod.tolerations.filter(({ operator }) => operator === 'Exists').map(({ key }) => key);

    expect(tolerated).toEqual(
      expect.arrayContaining(['node-role.kubernetes.io/control-plane', 'CriticalAddonsOnly']),
    );
  });

  it('lives in a namespace that lets a hostPath in, under its own service account', () => {
    const namespace = read('namespace.yaml') as {
      metadata: { name: string; labels: Record<string, string> };
    };
    const kustomization = read('kustomization.yaml') as { namespace: string; resources: string[] };
    const account = read('service-account.yaml') as { metadata: { name: string } };

    expect(namespace.metadata.labels['pod-security.kubernetes.io/enforce']).toBe('privileged');
    expect(kustomization.namespace).toBe(namespace.metadata.name);
    expect(kustomization.resources).not.toContain('secret.example.yaml');
    expect(account.metadata.name).toBe(pod.serviceAccountName);
  });
});
