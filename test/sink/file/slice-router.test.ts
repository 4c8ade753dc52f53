import { describe, expect, it } from '@jest/globals';
import { headPathAt } from '../../../agent/sink/file/slice-head.ts';
import { MAX_DAILY_VALUES, SliceRouter } from '../../../agent/sink/file/slice-router.ts';
import { auditLine } from '../../support/audit-line.ts';
import { recordOf } from '../../support/event-record.ts';
import { templateOf } from '../../support/file-shipping.ts';

const NOON_MS = Date.UTC(2026, 10, 21, 12);

function routerOf(path: string, nowMs = () => NOON_MS): SliceRouter {
  const constants = { node: 'node-1.example', log: 'kube-apiserver', cluster: undefined };
  return new SliceRouter({ template: templateOf(path), constants, nowMs });
}

function pathOf(router: SliceRouter, changes: Readonly<Record<string, unknown>>): string {
  const record = recordOf(auditLine(0, changes));
  if (record === undefined) throw new Error('the scan does not take the line');
  return headPathAt(router.route(record), 0);
}

function inNamespace(namespace: string | undefined): Readonly<Record<string, unknown>> {
  return { objectRef: { resource: 'pods', ...(namespace === undefined ? {} : { namespace }) } };
}

describe('slice router', () => {
  it('puts UTC time of the stage and values of the event into the path', () => {
    const router = routerOf(
      '/a/{cluster}/{node}/{log}/{verb}-{level}/{stage}-{resource}/{yyyy}-{MM}-{dd}T{HH}{mm}',
    );

    expect(pathOf(router, { stageTimestamp: '2026-11-21T23:59:59.999999Z', verb: 'list' })).toBe(
      '/a/_none/node-1.example/kube-apiserver/list-Metadata/ResponseComplete-pods/2026-11-21T2359',
    );
    expect(pathOf(router, { stageTimestamp: '2026-11-22T01:30:00.5+02:00', verb: 'list' })).toContain(
      '/2026-11-21T2330',
    );
  });

  it.each([
    ['/a/{yyyy}', '/a/2026'],
    ['/a/{yyyy}{MM}', '/a/202602'],
    ['/a/{yyyy}{MM}{dd}', '/a/20260228'],
  ])('cuts time to the units of %s', (path, expected) => {
    const router = routerOf(path);
    expect(pathOf(router, { stageTimestamp: '2026-02-28T23:59:59.000000Z' })).toBe(expected);
    expect(pathOf(router, { stageTimestamp: '2027-03-01T00:00:00.000000Z' })).not.toBe(expected);
  });

  it('counts a time that cannot be read as 1970', () => {
    expect(pathOf(routerOf('/a/{yyyy}{MM}{dd}{HH}'), { stageTimestamp: 'soon' })).toBe('/a/1970010100');
  });

  it.each([
    ['kube-system', 'kube-system'],
    [undefined, '_none'],
    ['', '_none'],
    ['..', '_other'],
    ['.', '_other'],
    ['.hidden', '_other'],
    ['a/b', '_other'],
    ['../../etc/cron.d', '_other'],
    ['a\nb', '_other'],
    ['a\u0000b', '_other'],
    ['\u001b[31m', '_other'],
    ['naïve', '_other'],
    ['x.partial', '_other'],
    ['x'.repeat(63), 'x'.repeat(63)],
    ['x'.repeat(64), '_other'],
    ['x'.repeat(20_000), '_other'],
  ])('makes of the namespace %j the name %j', (namespace, expected) => {
    expect(pathOf(routerOf('/a/{namespace}.ndjson'), inNamespace(namespace))).toBe(`/a/${expected}.ndjson`);
  });

  it('tells 1,000 values a day apart and puts the others together', () => {
    let nowMs = NOON_MS;
    const router = routerOf('/a/{namespace}', () => nowMs);
    const pathsOf = (count: number): Set<string> =>
      new Set(Array.from({ length: count }, (_, number) => pathOf(router, inNamespace(`made-up-${number}`))));

    const first = pathsOf(3 * MAX_DAILY_VALUES);
    expect(first.size).toBe(MAX_DAILY_VALUES + 1);
    expect(first).toContain('/a/_other');
    expect(pathOf(router, inNamespace('made-up-7'))).toBe('/a/made-up-7');
    expect(pathOf(router, inNamespace('another'))).toBe('/a/_other');
    expect(pathOf(router, inNamespace(undefined))).toBe('/a/_none');

    nowMs += 86_400_000;
    expect(pathOf(router, inNamespace('the-next-day'))).toBe('/a/the-next-day');
  });

  it('counts combinations, so that several fields do not multiply', () => {
    const router = routerOf('/a/{namespace}/{verb}');
    const paths = new Set<string>();
    for (let number = 0; number < 2 * MAX_DAILY_VALUES; number += 1) {
      paths.add(pathOf(router, { verb: `verb-${number % 50}`, ...inNamespace(`namespace-${number % 97}`) }));
    }

    expect(paths.size).toBe(MAX_DAILY_VALUES + 1);
    expect(paths).toContain('/a/_other/_other');
  });

  it('routes records about the agent itself by their time', () => {
    const router = routerOf('/a/{namespace}/{yyyy}{MM}{dd}{HH}');
    expect(headPathAt(router.routeOwn(NOON_MS), 0)).toBe('/a/_none/2026112112');
  });
});
