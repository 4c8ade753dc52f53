/** The root schema: settings of the agent itself, joined with those of each component. */
import * as z from 'zod';
import { byteSize, componentName, milliseconds } from './blocks.ts';
import type { SinkConflict } from './sink-conflicts.ts';

/** What the configuration needs to know of a type of sink. */
export interface SinkSchema {
  readonly type: string;
  /** Strict object schema with `name`, `type` as a literal, and `batch`. */
  readonly schema: z.ZodType;
  /** What keeps sinks of this type from working beside each other, or for these logs. */
  conflicts?(sinks: readonly unknown[], logPaths: readonly string[]): readonly SinkConflict[];
}

export interface BatchSettings {
  readonly maxBytes: number;
  readonly maxEvents: number;
  readonly maxAgeMs: number;
}

/** What every sink has; its own settings stand beside these and are known to its definition only. */
export interface SinkSettings {
  readonly name: string;
  readonly type: string;
  readonly batch: BatchSettings;
}

/** Where the metrics and health server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const absolutePath = z
  .string()
  .refine((path) => path.startsWith('/') && !path.includes('\0'), 'expected an absolute path, from "/"');

const logPath = z
  .string()
  .refine((path) => path !== 'auto', 'the log cannot be found by itself; give its absolute path')
  .refine(
    (path) => path === 'auto' || (path.startsWith('/') && !path.endsWith('/') && !path.includes('\0')),
    'expected the absolute path of the live file, such as /var/log/kubernetes/audit/audit.log',
  )
  .describe('absolute path of the live file; its backups are found beside it');

const readRate = z
  .union([z.literal('unlimited'), byteSize('bytes a second', { min: 64 * 1024 })])
  .transform((rate) => (rate === 'unlimited' ? Number.POSITIVE_INFINITY : rate))
  .prefault('unlimited')
  .describe(
    'a brake for catching up on a machine that has other work, such as etcd; "unlimited" or bytes a second',
  );

const logSettings = z.strictObject({
  name: componentName.describe('name of the log; part of position files, documents and metric labels'),
  path: logPath,
  startAt: z
    .enum(['beginning', 'end'])
    .default('beginning')
    .describe('where a sink without a checkpoint begins: the oldest retained file, or after the last line'),
  maxLineBytes: byteSize('a longer line is not shipped but named in the dead-letter file', {
    min: 64 * 1024,
    max: 1024 ** 3,
  }).prefault('64MiB'),
  maxReadBytesPerSecond: readRate,
});

const telemetrySettings = z
  .strictObject({
    listen: z
      .string()
      .transform(parseListen)
      .prefault('0.0.0.0:9464')
      .describe('address and port of /livez, /readyz and /metrics'),
    logLevel: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('least level that is logged'),
  })
  .prefault({})
  .describe("the agent's own logs, metrics and health");

const agentSettings = {
  cluster: z
    .strictObject({
      name: z.string().min(1).max(253).optional().describe('name of the cluster in documents'),
    })
    .prefault({})
    .describe('the cluster that the log belongs to'),
  node: z
    .strictObject({
      name: z.string().min(1).max(253).optional().describe("name of this node; by default the host's name"),
    })
    .prefault({})
    .describe('the node that the agent runs on'),
  stateDir: absolutePath
    .default('/var/lib/kube-audit-agent')
    .describe('directory of positions and dead letters; must outlive the agent'),
  logs: z.array(logSettings).min(1).describe('audit logs to follow'),
  deadLetter: z
    .strictObject({
      maxBytes: byteSize('when the dead letters are this large, sinks that add to them pause', {
        min: 1024 ** 2,
      }).prefault('1GiB'),
    })
    .prefault({})
    .describe('what becomes of lines and documents that no sink takes'),
  checkpointIntervalMs: milliseconds('positions are written at most this often', {
    min: 50,
    max: 60_000,
  }).default(1000),
  shutdownTimeoutMs: milliseconds('at stop, batches on their way have this long to settle', {
    min: 0,
    max: 600_000,
  }).default(25_000),
  memory: z
    .strictObject({
      maxBufferedBytes: byteSize('bytes that all logs and sinks together may hold', {
        min: 1024 ** 2,
      }).prefault('96MiB'),
    })
    .prefault({})
    .describe('bounds of memory'),
  telemetry: telemetrySettings,
};

/** The whole configuration, as joined from the agent's settings and those of the given types of sinks. */
export function rootSchema(definitions: readonly SinkSchema[]) {
  // A definition promises an object schema with a literal `type`; the contract's type cannot say so.
  const members = definitions.map((definition) => definition.schema) as unknown as [
    z.core.$ZodTypeDiscriminable,
  ];
  const sink = z.discriminatedUnion('type', members) as unknown as z.ZodType<SinkSettings>;
  return z.strictObject({
    ...agentSettings,
    sinks: z.array(sink).min(1).describe('where events are shipped to; each sink has its own position'),
  });
}

export type RootSchema = ReturnType<typeof rootSchema>;

type Parsed = z.output<RootSchema>;

/** A configuration that can be run. */
export type Config = Omit<Parsed, 'node'> & { readonly node: { readonly name: string } };

export type LogSettings = Config['logs'][number];

function parseListen(text: string, context: z.RefinementCtx): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match !== null && port <= 65_535) return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
  context.addIssue({
    code: 'custom',
    message: 'expected an address and port such as 0.0.0.0:9464 or [::1]:9464',
  });
  return z.NEVER;
}
