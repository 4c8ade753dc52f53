import { isObject } from '../../is-object.ts';
import type { HttpClient } from '../bulk/http-client.ts';
import { fieldOf } from '../bulk/server-error.ts';
import type { SetupOutcome, SetupStep } from '../sink.ts';
import { ask } from './answer.ts';
import type { AdminAnswer } from './answer.ts';
import { MANAGED_BY } from './setup-plan.ts';
import type { SetupPlan } from './setup-plan.ts';

/** Creates what is not there. What the server lacks is said, and the rest is created; run again, it changes nothing. */
export async function runSetup(
  client: HttpClient,
  plan: SetupPlan,
  signal: AbortSignal,
): Promise<readonly SetupOutcome[]> {
  const template = await setupTemplate(client, plan, signal);
  // A data stream made without its template would have a guessed mapping.
  if (template.status === 'failed') return [template];
  const dataStream = await setupDataStream(client, plan, signal);
  if (dataStream.status === 'failed') return [template, dataStream];
  return [template, dataStream, await setupLifecycle(client, plan, signal)];
}

async function put(client: HttpClient, step: SetupStep, signal: AbortSignal): Promise<AdminAnswer> {
  const { path, body } = step;
  return ask(client, { method: 'PUT', path, ...(isObject(body) && { json: body }) }, signal);
}

function outcome(step: SetupStep, status: SetupOutcome['status'], detail: string): SetupOutcome {
  return { step: step.name, status, detail };
}

function refusal(step: SetupStep, answer: AdminAnswer & { detail: string }): SetupOutcome {
  return outcome(step, answer.status === 'not-offered' ? 'unavailable' : 'failed', answer.detail);
}

async function setupTemplate(
  client: HttpClient,
  plan: SetupPlan,
  signal: AbortSignal,
): Promise<SetupOutcome> {
  const step = plan.template;
  const found = await findTemplate(client, plan, signal);
  if (found.status === 'ours') return outcome(step, 'exists', plan.templateName);
  if (found.status === 'foreign')
    return outcome(
      step,
      'failed',
      `a template ${plan.templateName} that was not made by ${MANAGED_BY} exists`,
    );
  const answer = await put(client, step, signal);
  if (answer.status !== 'ok') return refusal(step, answer);
  const detail = found.status === 'outdated' ? `${plan.templateName} brought up to date` : plan.templateName;
  return outcome(step, 'created', detail);
}

export type FoundTemplate =
  { status: 'ours' | 'outdated' | 'foreign' | 'missing' } | { status: 'unknown'; detail: string };

/** Looks for the plan's template and whether it is as this version makes it. */
export async function findTemplate(
  client: HttpClient,
  plan: SetupPlan,
  signal: AbortSignal,
): Promise<FoundTemplate> {
  const answer = await ask(client, { method: 'GET', path: plan.template.path }, signal);
  if (answer.status === 'missing') return { status: 'missing' };
  if (answer.status !== 'ok') return { status: 'unknown', detail: answer.detail };
  const templates = fieldOf(answer.body, 'index_templates');
  const template: unknown = Array.isArray(templates) ? templates[0] : undefined;
  const meta = fieldOf(fieldOf(template, 'index_template'), '_meta');
  if (fieldOf(meta, 'managed_by') !== MANAGED_BY) return { status: 'foreign' };
  return { status: fieldOf(meta, 'digest') === plan.templateDigest ? 'ours' : 'outdated' };
}

async function setupDataStream(
  client: HttpClient,
  plan: SetupPlan,
  signal: AbortSignal,
): Promise<SetupOutcome> {
  const step = plan.dataStream;
  const found = await ask(client, { method: 'GET', path: step.path }, signal);
  if (found.status === 'ok')
    return outcome(step, 'exists', 'a changed template is used from its next rollover on');
  const answer = await put(client, step, signal);
  return answer.status === 'ok' ? outcome(step, 'created', step.path) : refusal(step, answer);
}

/** The template gives the lifecycle to a new stream; this gives it to one that was there before. */
async function setupLifecycle(
  client: HttpClient,
  plan: SetupPlan,
  signal: AbortSignal,
): Promise<SetupOutcome> {
  const step = plan.lifecycle;
  const wanted = String(fieldOf(step.body, 'data_retention'));
  const found = await findLifecycle(client, plan, signal);
  if (found?.retention === wanted) return outcome(step, 'exists', `documents are kept for ${wanted}`);
  if (found?.policy !== undefined)
    return outcome(step, 'exists', `the policy ${found.policy} rules the stream; it was left alone`);
  const answer = await put(client, step, signal);
  if (answer.status === 'ok') return outcome(step, 'created', `documents are kept for ${wanted}`);
  if (answer.status !== 'not-offered') return refusal(step, answer);
  return outcome(step, 'unavailable', 'the server has no data stream lifecycle: see to deletion otherwise');
}

/** What deletes old documents of the data stream. */
interface FoundLifecycle {
  /** Retention of the data stream lifecycle, such as `90d`. */
  readonly retention: string | undefined;
  /** Name of the index lifecycle policy that goes before it. */
  readonly policy: string | undefined;
}

/** Undefined where the stream does not exist or may not be looked at. */
async function findLifecycle(
  client: HttpClient,
  plan: SetupPlan,
  signal: AbortSignal,
): Promise<FoundLifecycle | undefined> {
  const answer = await ask(client, { method: 'GET', path: plan.dataStream.path }, signal);
  return answer.status === 'ok' ? lifecycleOf(answer.body) : undefined;
}

export function lifecycleOf(body: unknown): FoundLifecycle | undefined {
  const streams = fieldOf(body, 'data_streams');
  const stream: unknown = Array.isArray(streams) ? streams[0] : undefined;
  if (stream === undefined) return undefined;
  const lifecycle = fieldOf(stream, 'lifecycle');
  const retention = fieldOf(lifecycle, 'data_retention');
  const enabled = fieldOf(lifecycle, 'enabled') !== false;
  const policy = fieldOf(stream, 'ilm_policy');
  return {
    retention: enabled && typeof retention === 'string' ? retention : undefined,
    policy: typeof policy === 'string' ? policy : undefined,
  };
}
