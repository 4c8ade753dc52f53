import type { HttpAnswer, HttpClient, HttpRequest } from '../bulk/http-client.ts';
import { errorOfAnswer } from '../bulk/server-error.ts';

/** An answer as `sink setup` and `sink check` look at it. */
export type AdminAnswer =
  | { status: 'ok'; body: unknown; answer: HttpAnswer }
  /** What was asked for is not there. */
  | { status: 'missing'; detail: string }
  /** The credentials do not suffice: 401 no such credentials, 403 not for this. */
  | { status: 'forbidden'; statusCode: number; detail: string }
  /** The server does not have this interface at all. */
  | { status: 'not-offered'; detail: string }
  | { status: 'failed'; detail: string };

export async function ask(
  client: HttpClient,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<AdminAnswer> {
  const answer = await client.request(request, signal);
  if (answer.status !== 'answered') return { status: 'failed', detail: answer.detail };
  const { statusCode, body } = answer;
  if (statusCode >= 200 && statusCode < 300) return { status: 'ok', body, answer };
  const error = errorOfAnswer(body);
  const detail = `${statusCode} ${error === undefined ? '' : `${error.type}: ${error.reason}`}`.trim();
  if (statusCode === 401 || statusCode === 403) return { status: 'forbidden', statusCode, detail };
  if (statusCode === 405 || error?.reason.startsWith('no handler found') === true)
    return { status: 'not-offered', detail };
  // A server that knows the path says what it did not find; one that does not know it has nothing to say.
  if (statusCode === 404) return { status: error === undefined ? 'not-offered' : 'missing', detail };
  return { status: 'failed', detail };
}
