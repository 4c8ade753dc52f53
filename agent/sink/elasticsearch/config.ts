import * as z from 'zod';
import {
  authKeys,
  authProblem,
  batchBlock,
  componentName,
  milliseconds,
  SECRET_MARK,
  tlsBlock,
} from '../../config/blocks.ts';
import { dataStreamProblem } from '../bulk/data-stream-name.ts';

const DEFAULT_DATA_STREAM = 'logs-kubernetes.audit_logs-default';

const MAX_URLS = 32;

function urlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'expected a URL such as https://es.example:9200';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'expected http:// or https://';
  if (url.username !== '' || url.password !== '')
    return 'no credentials in a URL: use apiKeyFile, or username and passwordFile';
  if (url.search !== '' || url.hash !== '') return 'expected a URL without query and fragment';
  return undefined;
}

function refuse(problemOf: (text: string) => string | undefined) {
  return (text: string, context: z.RefinementCtx): void => {
    const message = problemOf(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  };
}

const serverUrl = z.string().superRefine(refuse(urlProblem));

// Credentials are usual in a proxy's URL, so its value is treated as a secret.
const proxyUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    message: 'expected the http:// or https:// URL of a proxy',
  })
  .meta(SECRET_MARK);

/** The settings of an `elasticsearch` sink. */
export const elasticsearchSchema = z
  .strictObject({
    name: componentName,
    type: z.literal('elasticsearch'),
    url: z
      .union([serverUrl, z.array(serverUrl).min(1).max(MAX_URLS)])
      .transform((url) => [...new Set(Array.isArray(url) ? url : [url])])
      .describe('where the servers answer; requests go to each in turn'),
    ...authKeys,
    tls: tlsBlock.prefault({}),
    dataStream: z
      .string()
      .superRefine(refuse(dataStreamProblem))
      .default(DEFAULT_DATA_STREAM)
      .describe('data stream <type>-<dataset>-<namespace> that takes the documents'),
    compression: z.enum(['gzip', 'none']).default('gzip'),
    batch: batchBlock({ maxBytes: 4 * 1024 ** 2, maxEvents: 2000, maxAgeMs: 1000 }),
    maxInFlight: z.int().min(1).max(16).default(2).describe('batches on their way at once'),
    requestTimeoutMs: milliseconds('how long a request may take, its answer included', {
      min: 100,
      max: 3_600_000,
    }).default(60_000),
    proxyUrl: proxyUrl.optional().describe('HTTP proxy; else HTTPS_PROXY, HTTP_PROXY and NO_PROXY'),
    retentionDays: z
      .int()
      .min(1)
      .max(36_500)
      .default(90)
      .describe('how long `sink setup` lets the server keep documents'),
  })
  .superRefine((settings, context) => {
    const message = authProblem(settings);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

export type ElasticsearchSettings = z.output<typeof elasticsearchSchema>;
