/** The dataset under which Elastic's detection rules look for audit events. */
export const DATASET = 'kubernetes.audit_logs';

export interface DataStreamParts {
  readonly type: string;
  readonly dataset: string;
  readonly namespace: string;
}

/** The parts of a data stream's name, `type-dataset-namespace`; the usual ones for a name that is not made like that. */
export function dataStreamParts(name: string): DataStreamParts {
  const match = /^([^-]+)-([^-]+)-(.+)$/.exec(name);
  const [, type, dataset, namespace] = match ?? [];
  if (type === undefined || dataset === undefined || namespace === undefined) {
    return { type: 'logs', dataset: DATASET, namespace: 'default' };
  }
  return { type, dataset, namespace };
}
