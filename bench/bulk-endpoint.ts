/**
 * A bulk endpoint that costs little: it counts the documents of each request and answers for each of them as Elasticsearch does under
 * `filter_path=errors,items.*.status`. A process of its own, so that its work is not counted as the agent's.
 *
 * Prints `{"port": …}` once it listens, ends when its standard input does. `GET /bench/received` tells what it got.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

const LINE_FEED = 10;
const ITEM = '{"create":{"status":201}}';
const HEADERS = { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' };
const ABOUT = {
  name: 'bench',
  cluster_name: 'bench',
  version: { number: '9.5.3', build_flavor: 'default' },
  tagline: 'You Know, for Search',
};

/** What the endpoint tells about itself; times in ms since the epoch, 0 before the first document. */
interface Received {
  requests: number;
  documents: number;
  /** As sent, that is compressed where the sender compresses. */
  bodyBytes: number;
  firstDocumentAtMs: number;
  lastDocumentAtMs: number;
}

const received: Received = {
  requests: 0,
  documents: 0,
  bodyBytes: 0,
  firstDocumentAtMs: 0,
  lastDocumentAtMs: 0,
};

function countLineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count += 1;
  return count;
}

/** An action line and a document line make one document. */
async function countDocuments(request: IncomingMessage): Promise<number> {
  let lineFeeds = 0;
  const count = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) lineFeeds += countLineFeeds(chunk);
  };
  request.on('data', (chunk: Buffer) => (received.bodyBytes += chunk.length));
  if (request.headers['content-encoding'] === 'gzip') await pipeline(request, createGunzip(), count);
  else await pipeline(request, count);
  return lineFeeds / 2;
}

async function answerBulk(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const documents = await countDocuments(request);
  const nowMs = Date.now();
  received.requests += 1;
  received.documents += documents;
  if (received.firstDocumentAtMs === 0) received.firstDocumentAtMs = nowMs;
  received.lastDocumentAtMs = nowMs;
  const items = `${ITEM},`.repeat(documents).slice(0, -1);
  response.writeHead(200, HEADERS).end(`{"errors":false,"items":[${items}]}`);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  if (path.endsWith('/_bulk')) return answerBulk(request, response);
  request.resume();
  if (path === '/bench/received') response.writeHead(200, HEADERS).end(JSON.stringify(received));
  else if (path === '/') response.writeHead(200, HEADERS).end(JSON.stringify(ABOUT));
  else response.writeHead(404, HEADERS).end('{}');
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) =>
    response.destroy(error instanceof Error ? error : new Error(String(error))),
  );
});
// The agent may be idle for longer than the default before the next batch.
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the endpoint has no port');
  process.stdout.write(`${JSON.stringify({ port: address.port })}\n`);
});
process.stdin
  .on('end', () => {
    server.close();
    server.closeAllConnections();
  })
  .resume();
