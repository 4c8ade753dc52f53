import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { megabytes } from '../bench-case.ts';
import type { BenchCase } from '../bench-case.ts';
import { startEndpoint } from '../endpoint-process.ts';
import { generateLog } from '../generate-log.ts';
import { untilReceived, untilSettled, withAgent } from '../run-to-end.ts';
import { elasticsearchSink } from '../sinks.ts';

const LINE_BYTES = 32_000_000;
const BEFORE_BYTES = 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** One answer to a list of every pod at RequestResponse: such lines do happen. Every event, the long one too, must arrive. */
export const longLine: BenchCase = {
  name: 'long-line',
  run: async (context) => {
    const { directory, signal } = context;
    const log = await generateLog({ path: join(directory, 'audit.log'), bytes: BEFORE_BYTES, seed: 3 });
    await appendFile(log.path, `${longEvent(LINE_BYTES)}\n`);
    const endpoint = await startEndpoint(signal);
    const sinks = [elasticsearchSink(endpoint.url)];
    try {
      const before = await endpoint.received();
      const run = { directory: join(directory, 'agent'), logPath: log.path, sinks, signal };
      const peak = await withAgent(run, async (agent) => {
        const wait = { timeoutMs: TIMEOUT_MS, signal };
        await untilReceived(agent, endpoint, { ...wait, documents: log.events + 1, before });
        await untilSettled(agent, sinks, wait);
        return agent.figures();
      });
      const { bodyBytes } = await endpoint.received();
      const note = `all ${log.events + 1} events arrived, ${megabytes(bodyBytes).toFixed(1)} MB sent`;
      const value = megabytes(peak.peakRssBytes);
      return [{ what: 'peak RSS with a line of 32 MB', value, unit: 'MB', budget: 300, note }];
    } finally {
      await endpoint.stop();
    }
  },
};

function longEvent(bytes: number): string {
  const pod = (number: number): string =>
    `{"metadata":{"name":"pod-${number}","namespace":"shop","labels":{"app":"checkout"}},"spec":{"nodeName":"worker-${number % 50}",` +
    `"containers":[{"name":"main","image":"registry.example.com/shop/checkout:1.${number}","args":["--listen=:8080","--verbose"]}]}}`;
  const head =
    '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"3c8f7f0e-6a4d-4e0f-9b1c-5d2e7a90b4c6",' +
    '"stage":"ResponseComplete","requestURI":"/api/v1/pods","verb":"list","user":{"username":"alice@example.com",' +
    '"groups":["developers","system:authenticated"]},"sourceIPs":["10.0.0.21"],"userAgent":"kubectl/v1.34.4",' +
    '"objectRef":{"resource":"pods","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},' +
    '"responseObject":{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"18834412"},"items":[';
  const tail =
    ']},"requestReceivedTimestamp":"2026-11-20T12:00:00.000000Z","stageTimestamp":"2026-11-20T12:00:03.000000Z",' +
    '"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}';
  const pods: string[] = [];
  for (let length = head.length + tail.length; length < bytes; length += (pods.at(-1)?.length ?? 0) + 1)
    pods.push(pod(pods.length));
  return `${head}${pods.join(',')}${tail}`;
}
