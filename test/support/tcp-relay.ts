import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  /** What the server said and the client has not been told. */
  readonly held: Buffer[];
}

/**
 * Stands between the agent and a server and can keep the server's answers back: what was asked for is done then, and the agent does not
 * know. It makes "in the middle" a moment that a test can wait for.
 */
export class TcpRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #answersLeft = Number.POSITIVE_INFINITY;

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    server.on('connection', (client) => this.#join(client, connect(targetPort, '127.0.0.1')));
  }

  static async start(targetPort: number): Promise<TcpRelay> {
    const server = createServer();
    const relay = new TcpRelay(server, targetPort);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Lets so many answers pass and keeps back those that come after. */
  holdAfter(answers: number): void {
    this.#answersLeft = answers;
  }

  /** Whether an answer is kept back. */
  get isHolding(): boolean {
    return [...this.#pairs].some(({ held }) => held.length > 0);
  }

  /** Answers reach the client again, those that were kept back first. */
  release(): void {
    this.#answersLeft = Number.POSITIVE_INFINITY;
    for (const { client, held } of this.#pairs) for (const answer of held.splice(0)) client.write(answer);
  }

  /** What was kept back is lost, with its connections; new ones are as ever. */
  cut(): void {
    this.#answersLeft = Number.POSITIVE_INFINITY;
    for (const { client, upstream } of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
    this.#pairs.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  #join(client: Socket, upstream: Socket): void {
    const pair: Pair = { client, upstream, held: [] };
    this.#pairs.add(pair);
    client.pipe(upstream);
    upstream.on('data', (answer) => this.#pass(answer, pair));
    // A connection that breaks is closed then, and closing is what is passed on.
    for (const socket of [client, upstream]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        this.#pairs.delete(pair);
      });
    }
  }

  #pass(answer: Buffer, { client, held }: Pair): void {
    if (this.#answersLeft <= 0) {
      held.push(answer);
      return;
    }
    this.#answersLeft -= 1;
    client.write(answer);
  }
}
