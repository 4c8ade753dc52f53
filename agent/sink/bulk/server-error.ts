import { isObject } from '../../is-object.ts';
import { oneLine } from './one-line.ts';

/** An error as Elasticsearch and OpenSearch word it. */
export interface ServerError {
  /** The server's word for the kind of error, such as `document_parsing_exception`; `unknown` where it is none. */
  readonly type: string;
  /** One line. May quote values of a document. */
  readonly reason: string;
}

const UNKNOWN: ServerError = { type: 'unknown', reason: '' };

/** A field of something that may be anything. */
export function fieldOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

/** Types become metric labels and dead letter reasons, so only a word is believed. */
export function parseServerError(error: unknown): ServerError {
  if (typeof error === 'string') return { type: 'unknown', reason: oneLine(error) };
  const type = fieldOf(error, 'type');
  const reason = fieldOf(error, 'reason');
  if (typeof type !== 'string' && typeof reason !== 'string') return UNKNOWN;
  return {
    type: typeof type === 'string' && /^[a-z][a-z0-9_]{0,79}$/.test(type) ? type : 'unknown',
    reason: typeof reason === 'string' ? oneLine(reason) : '',
  };
}

/** The error of a whole answer; undefined where the body is not such an answer (a proxy's page, nothing at all). */
export function errorOfAnswer(body: unknown): ServerError | undefined {
  const error = fieldOf(body, 'error');
  return error === undefined ? undefined : parseServerError(error);
}
