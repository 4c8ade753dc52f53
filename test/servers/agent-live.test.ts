/** The whole agent, following the log of a real API server while that rotates, compresses and is kept busy. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { buildAgentBundle } from '../support/agent-bundle.ts';
import type { AgentBundle } from '../support/agent-bundle.ts';
import { describeElasticsearch } from '../support/describe-elasticsearch.ts';
import { availableElasticsearch, ElasticsearchServer } from '../support/elasticsearch-server.ts';
import { isKubernetesAvailable, KubernetesServer } from '../support/kubernetes-server.ts';
import { logFileNames } from '../support/log-on-disk.ts';
import { saySkipped } from '../support/say-skipped.ts';
import { NO_DIFFERENCE, Shipment } from '../support/shipment.ts';

const TEST_LIMIT_MS = 500_000;

/** The newest there is: what differs between servers does not depend on who writes the log. */
const versions = availableElasticsearch().slice(0, 1);
if (versions.length === 0) saySkipped('no Elasticsearch for what a live API server logs');
if (!isKubernetesAvailable()) saySkipped('no API server (SHARED_DIR/servers/kubernetes)');

const USUAL = ['exercise.sh'] as const;
const BOTH = [...USUAL, 'hostile.sh'] as const;
const POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [{ level: 'RequestResponse' }],
};

describeElasticsearch(isKubernetesAvailable() ? versions : [])(
  'the agent between a live API server and Elasticsearch %s',
  (version) => {
    let server: ElasticsearchServer;
    let bundle: AgentBundle;

    beforeAll(async () => {
      bundle = await buildAgentBundle();
      server = await ElasticsearchServer.start(version);
    }, TEST_LIMIT_MS);

    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await bundle[Symbol.asyncDispose]();
    }, TEST_LIMIT_MS);

    it.each([
      ['plain', { compress: 'false', backupName: /^audit-.*\.log$/, scripts: BOTH }],
      ['compressed', { compress: 'true', backupName: /^audit-.*\.log\.gz$/, scripts: USUAL }],
    ])(
      'ships each line once while the API server rotates into %s backups',
      async (name, { compress, backupName, scripts }) => {
        await using shipment = await Shipment.create({ server, bundle, name });
        const policy = join(shipment.home.directory, 'policy.yaml');
        await writeFile(policy, JSON.stringify(POLICY));
        await using kubernetes = await KubernetesServer.start({
          AUDIT_POLICY: policy,
          AUDIT_MAXSIZE: '1',
          AUDIT_MAXBACKUP: '1000',
          AUDIT_COMPRESS: compress,
          CONTROLLERS: 'true',
        });
        const directory = kubernetes.auditDirectory;
        await shipment.setUp([{ name: 'kube-apiserver', directory, path: join(directory, 'audit.log') }]);
        const agent = shipment.start();

        for (const script of scripts) await kubernetes.run(script);
        await kubernetes.stop();
        await shipment.untilSettled(agent);

        expect(await agent.metric('dead_letters_total')).toBe(0);
        expect(await agent.metric('gaps_total')).toBe(0);
        expect(await agent.metric('duplicate_documents_total')).toBe(0);
        expect(await shipment.stop(agent)).toEqual({ code: 0, signal: null });
        expect(await shipment.difference()).toEqual(NO_DIFFERENCE);
        const backups = (await logFileNames(directory)).filter((file) => backupName.test(file));
        expect(backups.length).toBeGreaterThan(2);
      },
      TEST_LIMIT_MS,
    );
  },
);
