import type { AdminCredentials, SinkContext, SinkDefinition } from '../definition.ts';
import { Secret } from '../../config/secret.ts';
import type { AuthSettings } from '../../config/blocks.ts';
import { BulkSink } from '../bulk/bulk-sink.ts';
import type { HttpClient } from '../bulk/http-client.ts';
import { elasticsearchSchema } from './config.ts';
import type { ElasticsearchSettings } from './config.ts';

/** Elasticsearch 8 and 9, self-managed, in Elastic Cloud or serverless. */
export const elasticsearchSink = {
  type: 'elasticsearch',
  schema: elasticsearchSchema,
  create: async (settings, context) => {
    const { dataStream, compression, maxInFlight } = settings;
    const client = await createClient(settings, context, settings);
    return new BulkSink({
      context,
      client,
      dataStream,
      compression,
      maxInFlight,
      // Without its template a data stream would come to be as a plain index with a guessed mapping.
      query: { require_data_stream: true },
      // Errors then do not quote the document.
      optionalQuery: { include_source_on_error: false },
    });
  },
  admin: async (settings, context, credentials) => {
    const { ElasticsearchAdmin } = await import('./admin.ts');
    const client = await createClient(settings, context, adminAuth(settings, credentials));
    const ownCredentials = Object.values(credentials).every((one) => one === undefined);
    return new ElasticsearchAdmin({ client, settings, ownCredentials, nowMs: context.nowMs });
  },
} satisfies SinkDefinition<typeof elasticsearchSchema>;

async function createClient(
  settings: ElasticsearchSettings,
  context: SinkContext,
  auth: AuthSettings,
): Promise<HttpClient> {
  const { ElasticsearchClient } = await import('./client.ts');
  const { url: urls, tls, proxyUrl, requestTimeoutMs } = settings;
  const { env, telemetry, document, name } = context;
  const labels = { log: document.logName, sink: name };
  return new ElasticsearchClient({
    urls,
    auth,
    tls,
    proxyUrl,
    env,
    requestTimeoutMs,
    userAgent: `kube-audit-agent/${document.agentVersion}`,
    onFileChange: (path) => telemetry.emit({ kind: 'secret-file-changed', path, ...labels }),
  });
}

/** The settings' credentials, unless others are given: then only those. A user alone goes with the settings' password. */
function adminAuth(settings: AuthSettings, given: AdminCredentials): AuthSettings {
  if (given.apiKeyFile !== undefined) return { apiKeyFile: Secret.ofFile(given.apiKeyFile) };
  const { username, passwordFile } = given;
  if (username === undefined && passwordFile === undefined) return settings;
  const ownPassword = { password: settings.password, passwordFile: settings.passwordFile };
  return {
    username: username ?? settings.username,
    ...(passwordFile === undefined ? ownPassword : { passwordFile: Secret.ofFile(passwordFile) }),
  };
}
