import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Whether the client has asked and was not answered yet. */
  isBusy: boolean;
  /** What the client asked and the server has not been told, and the other way round. */
  readonly heldRequests: Buffer[];
  readonly heldAnswers: Buffer[];
}

/**
 * Stands between the agent and a server, and can hold up what they say: then there are documents that the server has and the agent does
 * not know of, and others that never reached the server. It makes "in the middle" a moment that a test can wait for.
 */
export class TcpRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: URL;
  readonly #pairs = new Set<Pair>();
  #answersLeft = Number.POSITIVE_INFINITY;
  #isHolding = false;

  private constructor(server: Server, target: URL) {
    this.#server = server;
    this.#target = target;
    const port = Number(target.port || (target.protocol === 'https:' ? 443 : 80));
    server.on('connection', (client) => this.#join(client, connect(port, target.hostname)));
  }

  static async start(target: URL): Promise<TcpRelay> {
    const server = createServer();
    const relay = new TcpRelay(server, target);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  /** The target's, with this address. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#target.protocol}//127.0.0.1:${port}${this.#target.pathname}`;
  }

  /**
   * Lets so many answers pass, or some more until another request is under way then. What is asked after that is held up, and so are
   * the answers to what was asked before.
   */
  holdAfter(answers: number): void {
    this.#answersLeft = answers;
  }

  /** Whether both a request and an answer are held up. */
  get isHolding(): boolean {
    const pairs = [...this.#pairs];
    return (
      pairs.some((pair) => pair.heldRequests.length > 0) && pairs.some((pair) => pair.heldAnswers.length > 0)
    );
  }

  /** Everything passes again, what was held up first. */
  release(): void {
    this.#forgetHold();
    for (const { client, upstream, heldAnswers, heldRequests } of this.#pairs) {
      for (const answer of heldAnswers.splice(0)) client.write(answer);
      for (const request of heldRequests.splice(0)) upstream.write(request);
    }
  }

  /** What was held up is lost, with its connections; new ones are as ever. */
  cut(): void {
    this.#forgetHold();
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

  #forgetHold(): void {
    this.#isHolding = false;
    this.#answersLeft = Number.POSITIVE_INFINITY;
  }

  #join(client: Socket, upstream: Socket): void {
    const pair: Pair = { client, upstream, isBusy: false, heldRequests: [], heldAnswers: [] };
    this.#pairs.add(pair);
    client.on('data', (request) => this.#ask(request, pair));
    upstream.on('data', (answer) => this.#answer(answer, pair));
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

  /** A request that has begun to pass passes whole. */
  #ask(request: Buffer, pair: Pair): void {
    if (this.#isHolding && !pair.isBusy) {
      pair.heldRequests.push(request);
      return;
    }
    pair.isBusy = true;
    pair.upstream.write(request);
  }

  #answer(answer: Buffer, pair: Pair): void {
    if (this.#isHolding) {
      pair.heldAnswers.push(answer);
      return;
    }
    pair.isBusy = false;
    this.#answersLeft -= 1;
    pair.client.write(answer);
    this.#isHolding = this.#answersLeft <= 0 && [...this.#pairs].some(({ isBusy }) => isBusy);
  }
}
