/** Sends to a `stdout` sink until that is not delivered any more, and says why on standard error. */
import { Batch } from '../../agent/sink/batch.ts';
import { StdoutSink } from '../../agent/sink/stdout/stdout-sink.ts';
import { auditLine } from './audit-line.ts';
import { recordOf } from './event-record.ts';

const document = { nodeName: 'n', clusterName: 'c', agentVersion: '1', logName: 'l' };
const sink = new StdoutSink(process.stdout, { format: 'raw', document, nowMs: () => Date.now() });
await sink.open();
for (let attempt = 0; attempt < 1000; attempt += 1) {
  const batch = new Batch(Buffer.alloc(4096));
  const record = recordOf(auditLine(attempt));
  if (record !== undefined) sink.encode(record, batch);
  const result = await sink.send(batch, new AbortController().signal);
  if (result.status !== 'retry') continue;
  process.stderr.write(`${result.status} ${result.retry.reason} ${result.retry.detail}\n`);
  break;
}
await sink.close();
