import { describe, expect, it } from '@jest/globals';
import { dataStreamProblem } from '../../../agent/sink/bulk/data-stream-name.ts';

describe('dataStreamProblem', () => {
  it.each(['logs-kubernetes.audit_logs-default', 'logs-k8s-prod'])('accepts %s', (name) => {
    expect(dataStreamProblem(name)).toBeUndefined();
  });

  it.each([
    'Logs-kubernetes-default',
    'logs-kubernetes',
    'logs-a-b-c',
    'logs--x',
    '-logs-a-b',
    '.ds-logs-a',
    'logs-a/../_all-b',
    'logs-*-b',
    'logs-a b-c',
    'logs-a,b-c',
    `logs-${'x'.repeat(250)}-c`,
    '',
  ])('refuses %j', (name) => {
    expect(dataStreamProblem(name)).toEqual(expect.any(String));
  });
});
