import type { Command } from 'commander';
import type { Config, SinkSettings } from '../config/schema.ts';
import { errorText, InvariantError, SinkSetupError, UsageError } from '../errors.ts';
import type { AdminCredentials, SinkAdmin } from '../sink/definition.ts';
import type { CheckFinding, SetupOutcome } from '../sink/sink.ts';
import { silentTelemetry } from '../telemetry/events.ts';
import type { CommandContext } from './command-context.ts';
import { loadConfigFor, withConfigOption } from './config-option.ts';
import { sinkContext } from './sink-context.ts';
import { textTable } from './text-table.ts';

/** A server that has not answered everything by then is reported as it is. */
const SINK_TIMEOUT_MS = 120_000;

interface SinkOptions {
  readonly config: string;
  readonly sink?: string;
  readonly apiKeyFile?: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly json?: boolean;
  readonly print?: boolean;
}

/** What was found or done in one sink. */
interface SinkReport<Row> {
  readonly sink: string;
  readonly type: string;
  readonly rows: readonly Row[];
}

/** `sink setup` and `sink check`. */
export function registerSink(program: Command, context: CommandContext): void {
  const sink = program
    .command('sink')
    .description('prepare the servers that events are shipped to, or look at them');
  withSinkOptions(sink.command('setup'))
    .description('create what a sink needs on its server: index template, data stream, lifecycle')
    .option('--print', 'only print what would be sent, as JSON')
    .action((options: SinkOptions) =>
      options.print === true ? print(options, context) : setup(options, context),
    );
  withSinkOptions(sink.command('check'))
    .description('check reachability, rights and mapping; exit code 1 if something is missing')
    .action((options: SinkOptions) => check(options, context));
}

function withSinkOptions(command: Command): Command {
  return withConfigOption(command)
    .option('--sink <name>', 'only this sink; otherwise all')
    .option('--api-key-file <file>', "API key to use instead of the sink's own")
    .option('--username <name>', "user to log in as instead of the sink's own credentials")
    .option('--password-file <file>', "that user's password")
    .option('--json', 'print the result as JSON');
}

async function print(options: SinkOptions, context: CommandContext): Promise<void> {
  const reports = await eachSink({ options, context }, (admin) => Promise.resolve(admin.plan()), rethrow);
  const steps = reports.flatMap(({ sink, rows }) => rows.map((step) => ({ sink, ...step })));
  context.out(`${JSON.stringify(steps, null, 2)}\n`);
}

async function setup(options: SinkOptions, context: CommandContext): Promise<void> {
  const reports = await eachSink<SetupOutcome>(
    { options, context },
    (admin, signal) => admin.setup(signal),
    (detail) => ({ step: 'setup', status: 'failed', detail }),
  );
  if (reports.some(({ rows }) => rows.some((row) => row.status === 'failed'))) context.finish(1);
  if (options.json === true) return printJson(context, reports, 'outcomes');
  const rows = reports.flatMap(({ sink, rows: steps }) =>
    steps.map((row) => [sink, row.step, row.status, row.detail]),
  );
  printTable({ context, reports, heading: ['SINK', 'STEP', 'RESULT', 'DETAIL'], rows });
}

async function check(options: SinkOptions, context: CommandContext): Promise<void> {
  const reports = await eachSink<CheckFinding>(
    { options, context },
    (admin, signal) => admin.check(signal),
    (detail) => ({ name: 'check', verdict: 'fail', detail }),
  );
  if (reports.some(({ rows }) => rows.some((row) => row.verdict === 'fail'))) context.finish(1);
  if (options.json === true) return printJson(context, reports, 'findings');
  const rows = reports.flatMap(({ sink, rows: found }) =>
    found.map((row) => [sink, row.name, row.verdict, row.detail]),
  );
  printTable({ context, reports, heading: ['SINK', 'CHECK', 'RESULT', 'DETAIL'], rows });
}

/** Runs something against each chosen sink, one after another. What fails in one does not keep the others from being looked at. */
async function eachSink<Row>(
  command: { readonly options: SinkOptions; readonly context: CommandContext },
  work: (admin: SinkAdmin, signal: AbortSignal) => Promise<readonly Row[]>,
  failure: (detail: string) => Row,
): Promise<SinkReport<Row>[]> {
  const { options, context } = command;
  const credentials = credentialsOf(options);
  const config = await loadConfigFor(context, options.config);
  const reports: SinkReport<Row>[] = [];
  for (const settings of chosenSinks(config, options.sink)) {
    const rows = await oneSink({ settings, config, credentials, context }, work, failure);
    reports.push({ sink: settings.name, type: settings.type, rows });
  }
  return reports;
}

interface SinkWork {
  readonly settings: SinkSettings;
  readonly config: Config;
  readonly credentials: AdminCredentials;
  readonly context: CommandContext;
}

async function oneSink<Row>(
  target: SinkWork,
  work: (admin: SinkAdmin, signal: AbortSignal) => Promise<readonly Row[]>,
  failure: (detail: string) => Row,
): Promise<readonly Row[]> {
  const signal = AbortSignal.any([target.context.signal, AbortSignal.timeout(SINK_TIMEOUT_MS)]);
  let admin: SinkAdmin | undefined;
  try {
    admin = await openAdmin(target);
    return admin === undefined ? [] : await work(admin, signal);
  } catch (error) {
    if (error instanceof InvariantError) throw error;
    return [failure(errorText(error))];
  } finally {
    await admin?.close();
  }
}

async function openAdmin({
  settings,
  config,
  credentials,
  context,
}: SinkWork): Promise<SinkAdmin | undefined> {
  const { definitions, clock, env } = context;
  const definition = definitions.find((one) => one.type === settings.type);
  // An administrator is no shipper: which log stands here matters to nobody.
  const logName = config.logs[0]?.name ?? '';
  const options = { config, sinkName: settings.name, logName, telemetry: silentTelemetry, clock, env };
  return definition?.admin?.(settings, sinkContext(options), credentials);
}

function rethrow(detail: string): never {
  throw new SinkSetupError(detail);
}

function chosenSinks(config: Config, name: string | undefined): readonly SinkSettings[] {
  if (name === undefined) return config.sinks;
  const chosen = config.sinks.filter((sink) => sink.name === name);
  if (chosen.length > 0) return chosen;
  throw new UsageError(
    `no sink is called "${name}"; there are: ${config.sinks.map((sink) => sink.name).join(', ')}`,
  );
}

function credentialsOf({ apiKeyFile, username, passwordFile }: SinkOptions): AdminCredentials {
  if ((username === undefined) !== (passwordFile === undefined))
    throw new UsageError('--username and --password-file belong together');
  if (apiKeyFile !== undefined && username !== undefined)
    throw new UsageError('give either --api-key-file or --username with --password-file');
  if (apiKeyFile !== undefined) return { apiKeyFile };
  return username === undefined || passwordFile === undefined ? {} : { username, passwordFile };
}

function printJson<Row>(context: CommandContext, reports: readonly SinkReport<Row>[], name: string): void {
  const result = reports.map(({ sink, type, rows }) => ({ sink, type, [name]: rows }));
  context.out(`${JSON.stringify(result, null, 2)}\n`);
}

function printTable(printed: {
  readonly context: CommandContext;
  readonly reports: readonly SinkReport<unknown>[];
  readonly heading: readonly string[];
  readonly rows: readonly (readonly string[])[];
}): void {
  const { context, reports, heading, rows } = printed;
  if (rows.length > 0) context.out(textTable(heading, rows));
  for (const { sink, type, rows: own } of reports)
    if (own.length === 0) context.out(`${sink}: a sink of type ${type} needs nothing on a server\n`);
}
