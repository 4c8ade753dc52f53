import { describe, expect, it } from '@jest/globals';
import { dataStreamParts } from '../../agent/document/data-stream.ts';

describe('parts of a data stream', () => {
  it('are those of its name', () => {
    expect(dataStreamParts('logs-kubernetes.audit_logs-prod')).toEqual({
      type: 'logs',
      dataset: 'kubernetes.audit_logs',
      namespace: 'prod',
    });
  });

  it('are the usual ones where the name has no parts', () => {
    const usual = { type: 'logs', dataset: 'kubernetes.audit_logs', namespace: 'default' };

    expect(dataStreamParts('audit')).toEqual(usual);
    expect(dataStreamParts('kubernetes-audit')).toEqual(usual);
  });
});
