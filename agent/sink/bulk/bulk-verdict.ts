import type { SinkReason } from '../../errors.ts';
import type { SendResult } from '../sink.ts';
import { readBulkReply } from './bulk-reply.ts';
import type { BulkReply } from './bulk-reply.ts';
import { headerOf } from './http-client.ts';
import type { HttpAnswer } from './http-client.ts';
import { oneLine } from './one-line.ts';
import { parseRetryAfter } from './retry-after.ts';
import { errorOfAnswer } from './server-error.ts';
import type { ServerError } from './server-error.ts';

/** A request refused as a whole with 400 for one of these is the configuration's fault, whatever documents were in it. */
const CONFIGURATION_ERRORS: readonly RegExp[] = [
  /^media_type_header_exception$/,
  /^action_request_validation_exception$/,
  /^invalid_index_name_exception$/,
  /^security_exception$/,
];

/**
 * What became of the documents of a bulk request. `settles nothing` is the rule for all that is not understood: the ids make a second
 * sending safe.
 */
export function bulkVerdict(answer: HttpAnswer, count: number, nowMs: number): BulkReply {
  const reply =
    answer.status === 'answered' && answer.statusCode === 200 ? readBulkReply(answer.body, count) : undefined;
  const verdict = reply ?? { result: requestResult(answer, count), duplicates: 0, inFailureStore: 0 };
  return withRetryAfter(verdict, answer, nowMs);
}

function withRetryAfter(verdict: BulkReply, answer: HttpAnswer, nowMs: number): BulkReply {
  const afterMs = parseRetryAfter(headerOf(answer, 'retry-after'), nowMs);
  const { result } = verdict;
  if (afterMs === undefined || result.status !== 'retry') return verdict;
  return { ...verdict, result: { ...result, retry: { ...result.retry, afterMs } } };
}

function retryAll(reason: SinkReason, detail: string): SendResult {
  return { status: 'retry', retry: { reason, detail: oneLine(detail) } };
}

function requestResult(answer: HttpAnswer, count: number): SendResult {
  if (answer.status === 'unanswered') return retryAll(answer.reason, answer.detail);
  if (answer.status === 'answer-too-large') return { status: 'too-large', detail: answer.detail };
  const { statusCode, body } = answer;
  const error = errorOfAnswer(body);
  const detail = describe(statusCode, error);
  if (statusCode === 413) return { status: 'too-large', detail };
  if (statusCode === 400) return badRequest(error, detail, count);
  if (statusCode < 300)
    return retryAll('protocol', `${statusCode}: the answer is none to these ${count} documents`);
  return retryAll(reasonOf(statusCode), detail);
}

function reasonOf(statusCode: number): SinkReason {
  if (statusCode === 401 || statusCode === 403 || statusCode === 404) return 'auth';
  // 407 is a proxy that wants credentials.
  if (statusCode === 407) return 'auth';
  if (statusCode === 408) return 'timeout';
  if (statusCode === 429) return 'throttled';
  return statusCode >= 500 ? 'server' : 'protocol';
}

function describe(statusCode: number, error: ServerError | undefined): string {
  if (error === undefined) return `${statusCode}, and no word about why`;
  return oneLine(`${statusCode} ${error.type}: ${error.reason}`);
}

/**
 * The server could not read the request. With many documents half of them are tried, until the one is found that it cannot read; what
 * is no fault of any document is waited for.
 */
function badRequest(error: ServerError | undefined, detail: string, count: number): SendResult {
  if (error === undefined || isConfigurationError(error)) return retryAll('protocol', detail);
  if (count > 1) return { status: 'too-large', detail };
  return { status: 'rejected', rejected: [{ index: 0, kind: error.type, detail: error.reason }] };
}

/** An error of no known kind (a path that the server does not have) condemns no document. */
function isConfigurationError({ type, reason }: ServerError): boolean {
  if (type === 'unknown') return true;
  return CONFIGURATION_ERRORS.some((one) => one.test(type)) || reason.includes('unrecognized parameter');
}
