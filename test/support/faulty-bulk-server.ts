/**
 * A server that understands `_bulk` as Elasticsearch does (create, ids, one true answer per item) and that can be told to fail in
 * every way a real one, or what stands before it, can fail.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { gunzipSync } from 'node:zlib';

/** How one document is answered instead of being stored. */
export interface ItemFault {
  readonly status: number;
  readonly type?: string;
  readonly reason?: string;
  /** Stored, but in the failure store. */
  readonly failureStore?: 'used';
}

export type Fault =
  /** An answer to the whole request; nothing is stored. A body that is no string is sent as JSON. */
  | { kind: 'status'; statusCode: number; body?: unknown; headers?: Record<string, string> }
  | { kind: 'items'; faultOf: (item: BulkItem) => ItemFault | undefined; headers?: Record<string, string> }
  | { kind: 'reset'; when: 'before-storing' | 'after-storing' | 'mid-answer' }
  /** Stores, then says nothing, or the head of an answer and then nothing. */
  | { kind: 'hang'; when: 'before-answer' | 'mid-answer' }
  /** Stores at once and answers late or, `storesLast`, stores late as well, and only for a client that is still there. */
  | { kind: 'slow'; delayMs: number; storesLast?: boolean }
  /** Stores, then answers 200 with this. */
  | { kind: 'answer'; body: string; contentType?: string };

export interface BulkItem {
  readonly id: string;
  readonly document: string;
  readonly index: number;
}

interface ItemAnswer {
  readonly create: {
    readonly status: number;
    readonly error?: { readonly type: string; readonly reason: string };
    readonly failure_store?: 'used';
  };
}

/** A request that arrived. */
export interface SeenRequest {
  /** From 0. */
  readonly number: number;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Of the body as it came over the wire. */
  readonly sha256: string;
  readonly ids: readonly string[];
}

export interface FaultyBulkServerOptions {
  /** Asked once for each bulk request; undefined: no fault. */
  readonly fault?: (request: SeenRequest) => Fault | undefined;
  /** Answers everything that is no bulk request; undefined: 404. */
  readonly route?: (request: SeenRequest, body: string) => { statusCode: number; body: unknown } | undefined;
  /** Answers every request with this status before its body has been read. */
  readonly refuseUnread?: { readonly statusCode: number };
  readonly tls?: TlsOptions;
  /** False: only the ids are kept, for tests with very many documents. */
  readonly keepDocuments?: boolean;
  readonly headers?: Record<string, string>;
}

export class FaultyBulkServer implements AsyncDisposable {
  /** What is stored, by id. */
  readonly documents = new Map<string, string>();
  /** Creates of an id that was there. */
  duplicates = 0;
  /** Documents of such creates that were not the same to the byte: the one that is stored, and the other one. */
  readonly differing: (readonly [stored: string, other: string])[] = [];
  readonly requests: SeenRequest[] = [];
  fault: FaultyBulkServerOptions['fault'];
  readonly #options: FaultyBulkServerOptions;
  readonly #server: Server;

  private constructor(options: FaultyBulkServerOptions) {
    this.#options = options;
    this.fault = options.fault;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch(() => response.destroy());
    };
    this.#server =
      options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  }

  static async start(options: FaultyBulkServerOptions = {}): Promise<FaultyBulkServer> {
    const server = new FaultyBulkServer(options);
    await server.listen(0);
    return server;
  }

  get port(): number {
    const address = this.#server.address() as AddressInfo | null;
    return address?.port ?? 0;
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`;
  }

  get bulkRequests(): readonly SeenRequest[] {
    return this.requests.filter((request) => request.path.endsWith('/_bulk'));
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  /** Breaks all connections and stops listening. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const early = this.#options.refuseUnread;
    if (early !== undefined) {
      this.#remember(this.#seen(request, Buffer.alloc(0), []));
      this.#json(response, early.statusCode, {});
      request.resume();
      return;
    }
    const raw = await readAll(request);
    const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
    if (!new URL(request.url ?? '/', 'http://server').pathname.endsWith('/_bulk')) {
      const seen = this.#remember(this.#seen(request, raw, []));
      const answer = this.#options.route?.(seen, body) ?? {
        statusCode: 404,
        body: { error: 'no handler found' },
      };
      this.#json(response, answer.statusCode, answer.body);
      return;
    }
    const items = parseItems(body);
    const seen = this.#remember(this.#seen(request, raw, items));
    await this.#bulk(items, this.fault?.(seen), response);
  }

  async #bulk(items: readonly BulkItem[], fault: Fault | undefined, response: ServerResponse): Promise<void> {
    switch (fault?.kind) {
      case undefined:
        this.#json(
          response,
          200,
          this.#store(items, () => undefined),
        );
        return;
      case 'items':
        this.#json(response, 200, this.#store(items, fault.faultOf), fault.headers);
        return;
      case 'status':
        this.#json(response, fault.statusCode, fault.body ?? {}, fault.headers);
        return;
      case 'answer':
        this.#store(items, () => undefined);
        response.writeHead(200, { 'content-type': fault.contentType ?? 'application/json' }).end(fault.body);
        return;
      case 'slow': {
        const early = fault.storesLast === true ? undefined : this.#store(items, () => undefined);
        await this.#delay(fault.delayMs);
        if (response.socket?.destroyed !== false) return;
        this.#json(response, 200, early ?? this.#store(items, () => undefined));
        return;
      }
      case 'reset':
        if (fault.when !== 'before-storing') this.#store(items, () => undefined);
        if (fault.when === 'mid-answer') await writePart(response);
        response.socket?.resetAndDestroy();
        return;
      case 'hang':
        this.#store(items, () => undefined);
        if (fault.when === 'mid-answer') await writePart(response);
    }
  }

  /** Ends early when the server closes. */
  async #delay(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#server.removeListener('close', finish);
        resolve();
      };
      const timer = setTimeout(finish, delayMs);
      this.#server.on('close', finish);
    });
  }

  #store(items: readonly BulkItem[], faultOf: (item: BulkItem) => ItemFault | undefined): unknown {
    const answers = items.map((item) => this.#storeOne(item, faultOf(item)));
    return { errors: answers.some(({ create }) => create.status >= 300), items: answers };
  }

  #storeOne({ id, document }: BulkItem, fault: ItemFault | undefined): ItemAnswer {
    if (fault !== undefined && fault.failureStore === undefined) {
      const error = { type: fault.type ?? 'some_exception', reason: fault.reason ?? 'because' };
      return { create: { status: fault.status, error } };
    }
    if (this.documents.has(id)) {
      this.duplicates += 1;
      const stored = this.documents.get(id) ?? '';
      if (this.#options.keepDocuments !== false && stored !== document)
        this.differing.push([stored, document]);
      const error = { type: 'version_conflict_engine_exception', reason: `[${id}]: document already exists` };
      return { create: { status: 409, error } };
    }
    this.documents.set(id, this.#options.keepDocuments === false ? '' : document);
    return { create: { status: 201, ...(fault?.failureStore && { failure_store: fault.failureStore }) } };
  }

  #seen(request: IncomingMessage, raw: Buffer, items: readonly BulkItem[]): SeenRequest {
    const url = new URL(request.url ?? '/', 'http://server');
    return {
      number: this.requests.length,
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      sha256: createHash('sha256').update(raw).digest('hex'),
      ids: items.map(({ id }) => id),
    };
  }

  #remember(seen: SeenRequest): SeenRequest {
    this.requests.push(seen);
    return seen;
  }

  #json(
    response: ServerResponse,
    statusCode: number,
    body: unknown,
    headers: Record<string, string> = {},
  ): void {
    const isText = typeof body === 'string';
    const contentType = isText ? 'text/html' : 'application/json';
    response.writeHead(statusCode, { 'content-type': contentType, ...this.#options.headers, ...headers });
    response.end(isText ? body : JSON.stringify(body));
  }
}

/** The head of an answer and a piece of its body, on the wire. */
async function writePart(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '10000' });
  await new Promise<void>((resolve) =>
    response.write('{"errors":false,"items":[{"create":', () => resolve()),
  );
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function parseItems(body: string): BulkItem[] {
  const lines = body.split('\n');
  if (lines.pop() !== '' || lines.length % 2 !== 0) throw new Error('a bulk body is pairs of lines');
  const items: BulkItem[] = [];
  for (let at = 0; at < lines.length; at += 2) {
    const action = JSON.parse(lines[at] ?? '') as { create: { _id: string } };
    const document = lines[at + 1] ?? '';
    JSON.parse(document);
    items.push({ id: action.create._id, document, index: at / 2 });
  }
  return items;
}
