import type { HttpClient } from '../bulk/http-client.ts';
import { headerOf } from '../bulk/http-client.ts';
import { fieldOf } from '../bulk/server-error.ts';
import type { CheckFinding } from '../sink.ts';
import { ask } from './answer.ts';
import type { AdminAnswer } from './answer.ts';
import type { ElasticsearchSettings } from './config.ts';
import { mappingProblems } from './mapping-problems.ts';
import { findTemplate, lifecycleOf } from './setup.ts';
import type { SetupPlan } from './setup-plan.ts';

const OLDEST_MAJOR = 8;
const MAX_CLOCK_SKEW_MS = 60_000;

export interface CheckOptions {
  readonly client: HttpClient;
  readonly settings: ElasticsearchSettings;
  readonly plan: SetupPlan;
  readonly ownCredentials: boolean;
  readonly nowMs: () => number;
}

/** Looks at everything that must be right before events can be shipped. Changes nothing, stores nothing. */
export async function checkServer(
  options: CheckOptions,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const root = await ask(options.client, { method: 'GET', path: '/' }, signal);
  const credentials = await checkCredentials(options, signal);
  const findings = [...serverFindings(root, options), credentials];
  // Without a server or without credentials all the rest would say the same again.
  if (findings.some(({ verdict }) => verdict === 'fail')) return findings;
  return [
    ...findings,
    await checkRights(options, signal),
    ...(await checkDataStream(options, signal)),
    await checkTemplate(options, signal),
    await checkMapping(options, signal),
  ];
}

function finding(name: string, verdict: CheckFinding['verdict'], detail: string): CheckFinding {
  return { name, verdict, detail };
}

function serverFindings(root: AdminAnswer, options: CheckOptions): CheckFinding[] {
  const urls = options.settings.url.join(', ');
  if (root.status === 'failed') return [finding('server', 'fail', `${urls}: ${root.detail}`)];
  if (root.status !== 'ok')
    return [
      finding('server', 'ok', `${urls} answers; its version is not for these credentials (${root.detail})`),
    ];
  return [versionFinding(root.body, root), clockFinding(root, options.nowMs())];
}

function versionFinding(body: unknown, root: AdminAnswer & { status: 'ok' }): CheckFinding {
  const version = fieldOf(body, 'version');
  const number = fieldOf(version, 'number');
  if (fieldOf(version, 'distribution') === 'opensearch')
    return finding('server', 'fail', `this is OpenSearch ${String(number)}: use a sink of type opensearch`);
  if (typeof number !== 'string') return finding('server', 'fail', 'what answers there is no Elasticsearch');
  // Serverless has no version that means anything.
  if (fieldOf(version, 'build_flavor') === 'serverless')
    return finding('server', 'ok', 'Elasticsearch Serverless');
  if (Number.parseInt(number, 10) < OLDEST_MAJOR)
    return finding('server', 'fail', `Elasticsearch ${number}: ${OLDEST_MAJOR} or later is needed`);
  if (headerOf(root.answer, 'x-elastic-product') === undefined)
    return finding('server', 'warn', `calls itself ${number}, but not Elasticsearch (a proxy may hide it)`);
  return finding('server', 'ok', `Elasticsearch ${number}`);
}

function clockFinding(root: AdminAnswer & { status: 'ok' }, nowMs: number): CheckFinding {
  const serverMs = Date.parse(headerOf(root.answer, 'date') ?? '');
  if (Number.isNaN(serverMs)) return finding('clock', 'ok', 'the server does not say its time');
  const skewMs = nowMs - serverMs;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) <= MAX_CLOCK_SKEW_MS)
    return finding('clock', 'ok', `agrees with the server's to ${seconds} s`);
  const how = skewMs > 0 ? 'ahead of' : 'behind';
  return finding('clock', 'warn', `${seconds} s ${how} the server's: event.ingested will mislead`);
}

async function checkCredentials({ client }: CheckOptions, signal: AbortSignal): Promise<CheckFinding> {
  const answer = await ask(client, { method: 'GET', path: '/_security/_authenticate' }, signal);
  switch (answer.status) {
    case 'ok': {
      const kind = fieldOf(answer.body, 'authentication_type');
      return finding('credentials', 'ok', `${String(fieldOf(answer.body, 'username'))} (${String(kind)})`);
    }
    case 'forbidden':
      return finding('credentials', 'fail', answer.detail);
    case 'missing':
    case 'not-offered':
      return finding(
        'credentials',
        'warn',
        'the server asks for none: anyone who reaches it can write there',
      );
    case 'failed':
      return finding('credentials', 'fail', answer.detail);
  }
}

/**
 * Whether documents may be created. The rights are asked for by name, because a document made to see would be one more in the evidence.
 */
async function checkRights(options: CheckOptions, signal: AbortSignal): Promise<CheckFinding> {
  const { dataStream } = options.settings;
  const json = { index: [{ names: [dataStream], privileges: ['create_doc', 'index', 'delete'] }] };
  const request = { method: 'POST', path: '/_security/user/_has_privileges', json } as const;
  const answer = await ask(options.client, request, signal);
  if (answer.status !== 'ok') return finding('rights', 'warn', `cannot be told: ${answer.detail}`);
  const rights = fieldOf(fieldOf(answer.body, 'index'), dataStream);
  if (fieldOf(rights, 'create_doc') !== true)
    return finding('rights', 'fail', `create_doc on ${dataStream} is missing`);
  const surplus = ['index', 'delete'].filter((right) => fieldOf(rights, right) === true);
  if (!options.ownCredentials || surplus.length === 0)
    return finding('rights', 'ok', `create_doc on ${dataStream}`);
  return finding(
    'rights',
    'warn',
    `more than create_doc (${surplus.join(', ')}): a stolen key could alter events`,
  );
}

const SET_UP = 'run `kube-audit-agent sink setup`';
const NOT_FOR_THESE = 'not for these credentials to see';

async function checkDataStream(options: CheckOptions, signal: AbortSignal): Promise<CheckFinding[]> {
  const { client, plan, settings } = options;
  const { dataStream } = settings;
  const answer = await ask(client, { method: 'GET', path: plan.dataStream.path }, signal);
  if (answer.status === 'missing')
    return [finding('data stream', 'fail', `${dataStream} is missing: ${SET_UP}`)];
  if (answer.status === 'forbidden')
    return [finding('data stream', 'warn', `${dataStream}: ${NOT_FOR_THESE}`)];
  if (answer.status !== 'ok') return [finding('data stream', 'warn', `${dataStream}: ${answer.detail}`)];
  return [finding('data stream', 'ok', dataStream), lifecycleFinding(answer.body, settings.retentionDays)];
}

function lifecycleFinding(body: unknown, retentionDays: number): CheckFinding {
  const found = lifecycleOf(body);
  if (found?.policy !== undefined)
    return finding('lifecycle', 'ok', `index lifecycle policy ${found.policy}`);
  const retention = found?.retention;
  if (retention === undefined)
    return finding('lifecycle', 'warn', `nothing deletes old documents: ${SET_UP}`);
  if (retention === `${retentionDays}d`)
    return finding('lifecycle', 'ok', `documents are kept for ${retention}`);
  return finding(
    'lifecycle',
    'warn',
    `documents are kept for ${retention}, not ${retentionDays}d: ${SET_UP}`,
  );
}

async function checkTemplate({ client, plan }: CheckOptions, signal: AbortSignal): Promise<CheckFinding> {
  const found = await findTemplate(client, plan, signal);
  switch (found.status) {
    case 'ours':
      return finding('index template', 'ok', plan.templateName);
    case 'outdated':
      return finding(
        'index template',
        'warn',
        `${plan.templateName} is of another version or retention: ${SET_UP}`,
      );
    case 'foreign':
      return finding('index template', 'warn', `${plan.templateName} was not made by this program`);
    case 'missing':
      return finding('index template', 'warn', `${plan.templateName} is missing: ${SET_UP}`);
    case 'unknown':
      return finding('index template', 'warn', `${NOT_FOR_THESE} (${found.detail})`);
  }
}

/** What the newest index really has: a stream keeps its old mapping until its next rollover. */
async function checkMapping(
  { client, plan, settings }: CheckOptions,
  signal: AbortSignal,
): Promise<CheckFinding> {
  const path = `/${encodeURIComponent(settings.dataStream)}/_mapping`;
  const answer = await ask(client, { method: 'GET', path }, signal);
  if (answer.status !== 'ok') return finding('mapping', 'warn', `${NOT_FOR_THESE} (${answer.detail})`);
  const problems = mappingProblems(plan.template.body, answer.body);
  if (problems.length === 0)
    return finding('mapping', 'ok', 'has every field that searches and rules rely on');
  const more = problems.length > 3 ? ` and ${problems.length - 3} more` : '';
  return finding('mapping', 'warn', `${problems.slice(0, 3).join(', ')}${more}: roll the data stream over`);
}
