import type { z } from 'zod';
import type { SinkConflict } from '../config/sink-conflicts.ts';
import type { Telemetry } from '../telemetry/events.ts';
import type { CheckFinding, SetupOutcome, SetupStep, Sink } from './sink.ts';

/** What a document says of the place it was made in. */
export interface DocumentContext {
  readonly nodeName: string;
  readonly clusterName: string | undefined;
  readonly agentVersion: string;
  readonly logName: string;
}

/** What every sink is given beside its own settings. */
export interface SinkContext {
  readonly name: string;
  readonly document: DocumentContext;
  readonly telemetry: Telemetry;
  /** Time of day, ms since the epoch. */
  readonly nowMs: () => number;
  /** The process environment (proxy settings). */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Credentials given on the command line: the agent's own key may only create documents. */
export interface AdminCredentials {
  readonly apiKeyFile?: string;
  readonly username?: string;
  readonly passwordFile?: string;
}

/** What a person runs against a sink before or beside the agent. */
export interface SinkAdmin {
  /** What `setup` would create, in order. */
  plan(): readonly SetupStep[];
  setup(signal: AbortSignal): Promise<readonly SetupOutcome[]>;
  check(signal: AbortSignal): Promise<readonly CheckFinding[]>;
  close(): Promise<void>;
}

/**
 * A type of sink: its settings and how it is made. The heavy client behind it is imported inside `create` and `admin` only, so that
 * an agent pays for the sinks it is configured with.
 */
export interface SinkDefinition<Schema extends z.ZodType = z.ZodType> {
  readonly type: string;
  /** Strict schema of the sink's settings, `name`, `type` and `batch` included. */
  readonly schema: Schema;
  /** What keeps sinks of this type from working beside each other, or for these logs; absent where nothing does. */
  conflicts?(sinks: readonly z.output<Schema>[], logPaths: readonly string[]): readonly SinkConflict[];
  create(settings: z.output<Schema>, context: SinkContext): Promise<Sink>;
  /** Absent where there is nothing to set up or check. */
  admin?(settings: z.output<Schema>, context: SinkContext, credentials: AdminCredentials): Promise<SinkAdmin>;
}
