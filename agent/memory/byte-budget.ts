/** A part of the budget that is in use. Give it back once. */
export interface ByteLease {
  readonly bytes: number;
  release(): void;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: (lease: ByteLease | undefined) => void;
}

/**
 * The bytes that all logs and sinks together may hold in buffers (`memory.maxBufferedBytes`).
 *
 * Whoever must be able to work at any time reserves its least at start; what goes beyond is leased from the rest, first come first
 * served, so that one large lease is not starved by small ones.
 */
export class ByteBudget {
  readonly totalBytes: number;
  #reservedBytes = 0;
  #leasedBytes = 0;
  readonly #waiters: Waiter[] = [];

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
  }

  /** The largest lease that can ever be granted. */
  get leasableBytes(): number {
    return this.totalBytes - this.#reservedBytes;
  }

  get usedBytes(): number {
    return this.#reservedBytes + this.#leasedBytes;
  }

  /** True while somebody waits: holders that could do without should give back. */
  get contended(): boolean {
    return this.#waiters.length > 0;
  }

  /** Takes bytes for the life of the process. Returns false, and takes nothing, if they are not there. */
  reserve(bytes: number): boolean {
    if (this.usedBytes + bytes > this.totalBytes) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  /** A lease if it can be had at once. */
  tryAcquire(bytes: number): ByteLease | undefined {
    if (this.contended || this.usedBytes + bytes > this.totalBytes) return undefined;
    return this.#lease(bytes);
  }

  /** Waits for a lease. Undefined when the signal aborts first, or at once if the bytes can never be had. */
  async acquire(bytes: number, signal: AbortSignal): Promise<ByteLease | undefined> {
    if (signal.aborted || bytes > this.leasableBytes) return undefined;
    const lease = this.tryAcquire(bytes);
    if (lease !== undefined) return lease;
    return new Promise((resolve) => {
      const abort = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        resolve(undefined);
        this.#grantWaiters();
      };
      const waiter: Waiter = {
        bytes,
        grant: (granted) => {
          signal.removeEventListener('abort', abort);
          resolve(granted);
        },
      };
      this.#waiters.push(waiter);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  #lease(bytes: number): ByteLease {
    this.#leasedBytes += bytes;
    let released = false;
    return {
      bytes,
      release: () => {
        if (released) return;
        released = true;
        this.#leasedBytes -= bytes;
        this.#grantWaiters();
      },
    };
  }

  #grantWaiters(): void {
    for (let first = this.#waiters[0]; first !== undefined; first = this.#waiters[0]) {
      if (this.usedBytes + first.bytes > this.totalBytes) return;
      this.#waiters.shift();
      first.grant(this.#lease(first.bytes));
    }
  }
}
