/**
 * The wrapper around @elastic/elasticsearch, which is heavy: import this file only where a sink of this type is configured.
 *
 * Of the package its transport is used: the pool of addresses, connections, proxy and errors. What the full client would add does harm
 * here: a product check that throws after the server has stored a batch, media types that other major versions refuse, retries of
 * its own, spans, a telemetry header. Plain media types make one code path for Elasticsearch 8 and 9.
 */
import { addAbortSignal } from 'node:stream';
import type { Readable } from 'node:stream';
import { ClusterConnectionPool, errors, HttpConnection, Serializer, Transport } from '@elastic/elasticsearch';
import type {
  ConnectionRequestOptions,
  ConnectionRequestOptionsAsStream,
  ConnectionRequestParams,
  ConnectionRequestResponse,
  ConnectionRequestResponseAsStream,
} from '@elastic/elasticsearch';
import type { AuthSettings, TlsSettings } from '../../config/blocks.ts';
import { readAllCreated } from '../bulk/all-created.ts';
import { Authorization, CredentialError } from '../bulk/authorization.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from '../bulk/http-client.ts';
import { messageOf } from '../bulk/one-line.ts';
import { proxyFor } from '../bulk/proxy.ts';
import { TlsFiles } from '../bulk/tls-files.ts';
import type { TlsMaterial } from '../bulk/tls-files.ts';

/** Room for the answer to the largest batch, each of its documents refused with a long reason. */
const MAX_ANSWER_BYTES = 64 * 1024 ** 2;

/** How long an address that did not answer may take to answer a sign of life before it is given requests again. */
const PING_TIMEOUT_MS = 3000;

export interface ElasticsearchClientOptions {
  readonly urls: readonly string[];
  readonly auth: AuthSettings;
  readonly tls: TlsSettings;
  readonly proxyUrl: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly requestTimeoutMs: number;
  readonly userAgent: string;
  /** Told when a credential or certificate file was read anew. */
  readonly onFileChange: (path: string) => void;
}

class AnswerTooLargeError extends Error {}

/** Why the signal of a request aborted, where it was its time that ran out. */
const TIME_IS_UP = Symbol('time is up');

/**
 * The package's connection stops watching signal and time when the head of the answer is there. Here they hold until its last byte:
 * a server that falls silent in mid-answer must not hold a batch for ever.
 */
class BoundedConnection extends HttpConnection {
  override request(
    params: ConnectionRequestParams,
    options: ConnectionRequestOptions,
  ): Promise<ConnectionRequestResponse>;
  override request(
    params: ConnectionRequestParams,
    options: ConnectionRequestOptionsAsStream,
  ): Promise<ConnectionRequestResponseAsStream>;
  override async request(
    params: ConnectionRequestParams,
    options: ConnectionRequestOptions,
  ): Promise<ConnectionRequestResponse & ConnectionRequestResponseAsStream> {
    const { signal } = options;
    try {
      signal?.throwIfAborted();
      const { body, ...head } = await super.request(params, { ...options, asStream: true });
      // The declared overloads cannot say that nobody asks this connection for a stream.
      return { ...head, body: (await readAnswer(body, signal)) as Buffer & Readable };
    } catch (error) {
      if (signal?.aborted !== true) throw error;
      if (signal.reason === TIME_IS_UP) throw new errors.TimeoutError('the request took too long');
      throw new errors.RequestAbortedError('the request was given up');
    }
  }
}

class AnswerSerializer extends Serializer {
  // The package declares that a caller may name the type of an answer; here it is read as unknown.
  override deserialize(json: string): never {
    return (readAllCreated(json) ?? super.deserialize(json)) as never;
  }
}

async function readAnswer(body: Readable, signal: AbortSignal | undefined): Promise<Buffer> {
  if (signal !== undefined) addAbortSignal(signal, body);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw new errors.ConnectionError(`the connection broke in mid-answer: ${messageOf(error)}`);
  }
  if (bytes > MAX_ANSWER_BYTES)
    throw new AnswerTooLargeError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
  return Buffer.concat(chunks);
}

interface OpenTransport {
  readonly tls: TlsMaterial;
  readonly transport: Transport;
  readonly pool: ClusterConnectionPool;
}

export class ElasticsearchClient implements HttpClient {
  readonly #options: ElasticsearchClientOptions;
  readonly #authorization: Authorization;
  readonly #tlsFiles: TlsFiles;
  #open: OpenTransport | undefined;
  /** Pools with certificates of the past, until their last request has ended. */
  readonly #closing = new Set<Promise<void>>();
  readonly #closed = new AbortController();

  constructor(options: ElasticsearchClientOptions) {
    this.#options = options;
    this.#authorization = new Authorization(options.auth, options.onFileChange);
    this.#tlsFiles = new TlsFiles(options.tls, options.onFileChange);
  }

  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const timeLimit = new AbortController();
    const timer = setTimeout(() => timeLimit.abort(TIME_IS_UP), this.#options.requestTimeoutMs);
    const giveUp = (): void => timeLimit.abort();
    const ends = [signal, this.#closed.signal];
    for (const end of ends) end.addEventListener('abort', giveUp, { once: true });
    if (ends.some((end) => end.aborted)) giveUp();
    try {
      return await this.#requestWithin(request, timeLimit.signal);
    } catch (error) {
      return answerOfError(error);
    } finally {
      clearTimeout(timer);
      for (const end of ends) end.removeEventListener('abort', giveUp);
    }
  }

  /** Gives up requests under way. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#retire();
    await Promise.all(this.#closing);
  }

  async #requestWithin(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const authorization = await this.#authorization.header();
    const transport = this.#transportWith(await this.#tlsFiles.read());
    const { method, path, query, lines, json, contentEncoding } = request;
    const { body, statusCode, headers } = await transport.request(
      {
        method,
        path,
        ...(query !== undefined && { querystring: { ...query } }),
        ...(lines !== undefined && { bulkBody: lines }),
        ...(json !== undefined && { body: { ...json } }),
      },
      {
        meta: true,
        signal,
        maxRetries: 0,
        requestTimeout: this.#options.requestTimeoutMs,
        headers: {
          ...(authorization !== undefined && { authorization }),
          ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
        },
      },
    );
    return { status: 'answered', statusCode: statusCode ?? 0, headers: headers ?? {}, body };
  }

  #transportWith(tls: TlsMaterial): Transport {
    if (this.#open?.tls === tls) return this.#open.transport;
    this.#retire();
    const pool = this.#createPool(tls);
    const transport = new Transport({
      connectionPool: pool,
      serializer: new AnswerSerializer(),
      maxRetries: 0,
      requestTimeout: this.#options.requestTimeoutMs,
      compression: false,
      sniffInterval: false,
      sniffOnStart: false,
      sniffOnConnectionFault: false,
      enableMetaHeader: false,
      openTelemetry: { enabled: false },
      // To redact an error the transport walks through all of the request, byte by byte through the body: seconds for a large batch.
      // No error object leaves this file, only its message, which holds no header.
      redaction: { type: 'off' },
      headers: { 'user-agent': this.#options.userAgent },
    });
    this.#open = { tls, transport, pool };
    return transport;
  }

  #createPool(tls: TlsMaterial): ClusterConnectionPool {
    const { urls, proxyUrl, env } = this.#options;
    const pool = new ClusterConnectionPool({
      Connection: BoundedConnection,
      tls: { ...tls },
      pingTimeout: PING_TIMEOUT_MS,
      resurrectStrategy: 'ping',
    });
    pool.addConnection(
      urls.map((text) => {
        const url = new URL(text);
        const proxy = proxyFor(url, { proxyUrl, env });
        return { url, ...(proxy !== undefined && { proxy }) };
      }),
    );
    return pool;
  }

  /** Requests under way end with the certificates they began with. */
  #retire(): void {
    const pool = this.#open?.pool;
    this.#open = undefined;
    if (pool === undefined) return;
    const closing = pool.empty().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

function answerOfError(error: unknown): HttpAnswer {
  if (error instanceof errors.ResponseError) {
    const { statusCode, headers, body } = error.meta;
    return { status: 'answered', statusCode: statusCode ?? 0, headers: headers ?? {}, body };
  }
  if (error instanceof AnswerTooLargeError) return { status: 'answer-too-large', detail: error.message };
  // The words of the proxy agent that the client uses.
  const detail = messageOf(error).replace(
    /^Bad response: (\d+)$/,
    'the proxy refused the way to the server: $1',
  );
  if (error instanceof CredentialError) return { status: 'unanswered', reason: 'auth', detail };
  if (error instanceof errors.TimeoutError) return { status: 'unanswered', reason: 'timeout', detail };
  if (error instanceof errors.DeserializationError)
    return { status: 'unanswered', reason: 'protocol', detail: 'the answer calls itself JSON and is none' };
  // Whatever else there is (a certificate that is none, a host name that is none) comes from making the connection.
  return { status: 'unanswered', reason: 'connect', detail };
}
