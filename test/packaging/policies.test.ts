import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { sharedDir } from '../support/shared.ts';

interface Rule {
  level: string;
  users?: string[];
  userGroups?: string[];
  verbs?: string[];
  resources?: { group: string; resources?: string[] }[];
  omitStages?: string[];
}

interface Policy {
  omitManagedFields?: boolean;
  omitStages?: string[];
  rules: Rule[];
}

/** What the evaluator of the API server says of one event. */
interface Verdict {
  readonly level: string;
  readonly omitted: readonly string[];
}

interface AuditEvent {
  stage: string;
  verb: string;
  user: { username?: string };
  objectRef?: { resource?: string; subresource?: string; apiGroup?: string };
}

const DIRECTORY = join(import.meta.dirname, '..', '..', 'policies');
const NAMES = readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml'));
const SECRET_RESOURCES = ['secrets', 'configmaps', 'serviceaccounts/token'];

function policyOf(name: string): Policy {
  return parse(readFileSync(join(DIRECTORY, name), 'utf8')) as Policy;
}

function namesSomebody(rule: Rule): boolean {
  return (rule.users ?? []).length > 0 || (rule.userGroups ?? []).length > 0;
}

describe.each(NAMES)('the policy %s', (name) => {
  const policy = policyOf(name);

  it('leaves managed fields out', () => {
    expect(policy.omitManagedFields).toBe(true);
  });

  it('loses no failed authentication: what drops or omits ResponseStarted names users or groups', () => {
    const losing = policy.rules.filter(
      (rule) => rule.level === 'None' || (rule.omitStages ?? []).includes('ResponseStarted'),
    );

    expect(policy.omitStages ?? []).not.toContain('ResponseStarted');
    expect(losing.filter((rule) => !namesSomebody(rule))).toEqual([]);
  });

  it('ends with a rule that logs everything', () => {
    const { level, ...rest } = policy.rules.at(-1) ?? { level: 'None' };

    expect(level).not.toBe('None');
    expect(Object.keys(rest).filter((key) => key !== 'omitStages')).toEqual([]);
  });

  it('names no secret resource where bodies are logged', () => {
    const withBodies = policy.rules.filter(({ level }) => level === 'Request' || level === 'RequestResponse');
    const core = withBodies.flatMap((rule) => (rule.resources ?? []).filter(({ group }) => group === ''));

    expect(withBodies.filter((rule) => (rule.resources ?? []).length === 0)).toEqual([]);
    expect(core.every(({ resources }) => (resources ?? []).length > 0)).toBe(true);
    expect(
      core.flatMap(({ resources }) => resources ?? []).filter((one) => SECRET_RESOURCES.includes(one)),
    ).toEqual([]);
  });
});

const shared = sharedDir();
if (shared === undefined) console.log('policies against upstream: skipped, SHARED_DIR is not there');

(shared === undefined ? describe.skip : describe).each(NAMES)(
  "the API server's own evaluator on %s",
  (name) => {
    const path = join(DIRECTORY, name);

    it('loads it', async () => {
      await expect(promisify(execFile)(await evaluator(), ['validate', path])).resolves.toBeDefined();
    }, 60_000);

    it('keeps failed authentications and exec, and gives no body of a secret, in recorded logs', async () => {
      const events = await recordedEvents();
      const verdicts = await evaluate(path, events);
      const judged = events.map((line, index) => ({ event: eventOf(line), verdict: verdicts[index] }));
      const isKept = ({ event, verdict }: (typeof judged)[number]): boolean =>
        verdict !== undefined && verdict.level !== 'None' && !verdict.omitted.includes(event.stage);

      const refused = judged.filter(({ event }) => event.user.username === undefined);
      const sessions = judged.filter(
        ({ event }) => event.objectRef?.subresource === 'exec' && event.stage !== 'RequestReceived',
      );
      const secret = judged.filter(({ event }) => isSecret(event));

      expect(verdicts).toHaveLength(events.length);
      expect(refused).not.toHaveLength(0);
      expect(refused.filter((one) => !isKept(one))).toEqual([]);
      expect(sessions.some(({ event }) => event.verb === 'get')).toBe(true);
      expect(sessions.filter((one) => !isKept(one))).toEqual([]);
      expect(secret.length).toBeGreaterThan(50);
      expect(
        secret.filter(({ verdict }) => verdict?.level !== 'Metadata' && verdict?.level !== 'None'),
      ).toEqual([]);
    }, 60_000);
  },
);

function isSecret({ objectRef }: AuditEvent): boolean {
  if (objectRef?.apiGroup === 'authentication.k8s.io') return true;
  if (objectRef?.apiGroup !== undefined) return false;
  const { resource = '', subresource } = objectRef ?? {};
  return SECRET_RESOURCES.includes(subresource === undefined ? resource : `${resource}/${subresource}`);
}

async function evaluator(): Promise<string> {
  const unpack = join(shared ?? '', 'servers', 'unpack.sh');
  const { stdout } = await promisify(execFile)(unpack, ['kubernetes']);
  return join(stdout.trim(), 'audit-policy');
}

async function evaluate(policy: string, events: readonly string[]): Promise<Verdict[]> {
  const child = spawn(await evaluator(), ['level', policy], { stdio: ['pipe', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end(`${events.join('\n')}\n`);
  await once(child, 'close');
  const lines = Buffer.concat(chunks).toString('utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [level = '', omitted = ''] = line.split(' ');
    return { level, omitted: omitted.slice(1, -1).split(',') };
  });
}

/** Recorded lines without the hostile ones, which are there to break parsers. */
async function recordedEvents(): Promise<string[]> {
  const lines: string[] = [];
  for (const folder of ['metadata', 'node', 'request-response']) {
    const directory = join(shared ?? '', 'recorded', folder);
    for (const file of (await readdir(directory)).filter((one) => one.startsWith('audit'))) {
      const bytes = await readFile(join(directory, file));
      const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
      lines.push(...text.split('\n').filter((line) => line !== ''));
    }
  }
  return lines;
}

function eventOf(line: string): AuditEvent {
  return JSON.parse(line) as AuditEvent;
}
