import type { ByteBudget, ByteLease } from '../memory/byte-budget.ts';
import { freeBuffer } from '../memory/free-buffer.ts';
import { batchFootprintBytes, RESERVED_BATCHES } from '../memory/footprint.ts';
import { Batch } from '../sink/batch.ts';

interface PoolOptions {
  readonly maxBytes: number;
  /** Batches in all: those on their way and the one that is being filled. */
  readonly maxBatches: number;
  readonly budget: ByteBudget;
}

/** Hands out empty batches and takes them back. Buffers are made when they are needed and let go when the log is quiet. */
export class BatchPool {
  readonly #options: PoolOptions;
  readonly #free: Batch[] = [];
  readonly #leases = new Map<Batch, ByteLease>();
  #made = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** An empty batch, or undefined if one must come back first. */
  take(): Batch | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made >= this.#options.maxBatches) return undefined;
    if (this.#made - this.#leases.size < RESERVED_BATCHES) return this.#make();
    const lease = this.#options.budget.tryAcquire(batchFootprintBytes(this.#options.maxBytes));
    if (lease === undefined) return undefined;
    const batch = this.#make();
    this.#leases.set(batch, lease);
    return batch;
  }

  give(batch: Batch): void {
    batch.reset();
    // A leased one goes back at once when others wait for memory.
    if (this.#leases.has(batch) && this.#options.budget.contended) this.#drop(batch);
    else this.#free.push(batch);
  }

  /** Lets go of every batch that is not in use. */
  trim(): void {
    for (const batch of this.#free.splice(0)) this.#drop(batch);
  }

  #make(): Batch {
    this.#made += 1;
    return new Batch(Buffer.allocUnsafeSlow(this.#options.maxBytes));
  }

  #drop(batch: Batch): void {
    this.#made -= 1;
    freeBuffer(batch.buffer);
    this.#leases.get(batch)?.release();
    this.#leases.delete(batch);
  }
}
