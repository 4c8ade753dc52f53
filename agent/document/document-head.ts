import { createHash } from 'node:crypto';
import type { DocumentContext } from '../sink/definition.ts';
import { dataStreamParts } from './data-stream.ts';

/** The version of the Elastic Common Schema whose fields are used. */
export const ECS_VERSION = '9.4.0';

export const AGENT_TYPE = 'kube-audit-agent';

/** What every document of an agent says, whatever it is about. */
export function documentHead(context: DocumentContext, dataStream: string) {
  return {
    ecs: { version: ECS_VERSION },
    data_stream: dataStreamParts(dataStream),
    host: { name: context.nodeName, hostname: context.nodeName },
    agent: {
      name: context.nodeName,
      type: AGENT_TYPE,
      version: context.agentVersion,
      id: agentId(context),
    },
  };
}

/** The same for an agent's whole life and after: it says which node of which cluster, not which process. */
function agentId(context: DocumentContext): string {
  const digest = createHash('sha256')
    .update(`${context.clusterName ?? ''}/${context.nodeName}`)
    .digest('hex');
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    digest.slice(12, 16),
    digest.slice(16, 20),
    digest.slice(20, 32),
  ].join('-');
}
