import type { SinkReason } from '../../errors.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | boolean>>;
  /** Lines of JSON as they are to be sent, compressed or not. Not together with `json`. */
  readonly lines?: Buffer;
  readonly contentEncoding?: 'gzip' | 'zstd';
  /** A JSON document, serialised by the client. */
  readonly json?: object;
}

/** What became of a request. A client does not throw for anything that a network, a server or a credential file can do. */
export type HttpAnswer =
  | {
      status: 'answered';
      statusCode: number;
      /** Names in lower case. */
      headers: Readonly<Record<string, string | string[] | undefined>>;
      /** The parsed body of an answer that calls itself JSON, the text of any other. */
      body: unknown;
    }
  /** No whole answer: whether the server did what was asked is not known. */
  | { status: 'unanswered'; reason: SinkReason; detail: string }
  /** An answer larger than anyone should hold in memory. */
  | { status: 'answer-too-large'; detail: string };

/** A client of one cluster: several addresses, one set of credentials. */
export interface HttpClient {
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** A header that is given once. */
export function headerOf(answer: HttpAnswer, name: string): string | undefined {
  const value = answer.status === 'answered' ? answer.headers[name] : undefined;
  return Array.isArray(value) ? value[0] : value;
}
