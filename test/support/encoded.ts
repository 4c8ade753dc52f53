import { createDocumentEncoder } from '../../agent/document/document-encoder.ts';
import type { DocumentEncoder, DocumentForm } from '../../agent/document/document-encoder.ts';
import type { EventRecord } from '../../agent/event/record.ts';
import type { DocumentContext } from '../../agent/sink/definition.ts';
import { recordOf } from './event-record.ts';
import type { Json } from './reference-document.ts';

export const TEST_CONTEXT: DocumentContext = {
  nodeName: 'cp-1',
  clusterName: 'prod-eu-1',
  agentVersion: '1.2.3',
  logName: 'kube-apiserver',
};

export const TEST_NOW_MS = Date.parse('2026-11-20T17:03:01.500Z');

export function testEncoder(): DocumentEncoder {
  return createDocumentEncoder(TEST_CONTEXT, {
    dataStream: 'logs-kubernetes.audit_logs-default',
    nowMs: () => TEST_NOW_MS,
  });
}

/** The record of an event, or of a line. */
export function scanned(event: Json | string | Buffer): EventRecord {
  const line = typeof event === 'string' || Buffer.isBuffer(event) ? event : JSON.stringify(event);
  const record = recordOf(line);
  if (record === undefined) throw new Error(`the scan does not take ${line.toString().slice(0, 200)}`);
  return record;
}

/**
 * The text of a record's document. Fails where the encoder writes more than it said it would, or outside of where it was told to.
 */
export function documentText(
  encoder: DocumentEncoder,
  record: EventRecord,
  form: DocumentForm = 'whole',
  note?: string,
): string {
  const at = 7;
  const maxBytes = encoder.maxBytes(record, form);
  const target = Buffer.alloc(at + maxBytes + 64, 0xee);
  const end = encoder.write(record, target, at, form, note);
  if (end > at + maxBytes) throw new Error(`${end - at} bytes were written, at most ${maxBytes} announced`);
  if (target.subarray(0, at).some((byte) => byte !== 0xee)) throw new Error('written before the start');
  return target.toString('utf8', at, end);
}

/** The document of an event or line, parsed. */
export function documentOf(event: Json | string | Buffer, form: DocumentForm = 'whole', note?: string): Json {
  return JSON.parse(documentText(testEncoder(), scanned(event), form, note)) as Json;
}
