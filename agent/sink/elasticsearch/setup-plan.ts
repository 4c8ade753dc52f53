import { createHash } from 'node:crypto';
import { indexPattern, indexTemplate } from '../bulk/index-template.ts';
import type { SetupStep } from '../sink.ts';
import type { ElasticsearchSettings } from './config.ts';

export const MANAGED_BY = 'kube-audit-agent';

/** What `sink setup` creates, and what `sink check` compares with. */
export interface SetupPlan {
  readonly templateName: string;
  /** Of the template as this version and these settings make it; stands in the template's `_meta`. */
  readonly templateDigest: string;
  readonly template: SetupStep;
  readonly dataStream: SetupStep;
  readonly lifecycle: SetupStep;
}

type PlanSettings = Pick<ElasticsearchSettings, 'dataStream' | 'retentionDays'>;

export function setupPlan({ dataStream, retentionDays }: PlanSettings): SetupPlan {
  // One template serves the data streams of all namespaces: two with the same pattern and priority are refused.
  const templateName = `${MANAGED_BY}-${indexPattern(dataStream).replace(/-\*$/, '')}`;
  const body = indexTemplate({ dataStream, retentionDays, flavour: 'elasticsearch' });
  const templateDigest = createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16);
  const meta = { managed_by: MANAGED_BY, digest: templateDigest };
  const streamPath = `/_data_stream/${encodeURIComponent(dataStream)}`;
  return {
    templateName,
    templateDigest,
    template: {
      name: 'index template',
      method: 'PUT',
      path: `/_index_template/${encodeURIComponent(templateName)}`,
      body: { ...body, _meta: meta },
    },
    dataStream: { name: 'data stream', method: 'PUT', path: streamPath, body: undefined },
    lifecycle: {
      name: 'lifecycle',
      method: 'PUT',
      path: `${streamPath}/_lifecycle`,
      body: { data_retention: `${retentionDays}d` },
    },
  };
}
