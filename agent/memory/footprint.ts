/** What a reader takes for its chunk buffer. */
export const READ_CHUNK_BYTES = 512 * 1024;

/** Batches that a shipper can always have: one to fill while one is on its way. */
export const RESERVED_BATCHES = 2;

/**
 * What a batch of `maxBytes` is counted with: its documents, and a compressed copy of them for sending (audit events shrink to an
 * eighth; a quarter leaves room for bodies that do not).
 */
export function batchFootprintBytes(maxBytes: number): number {
  return maxBytes + Math.ceil(maxBytes / 4);
}

/** What a shipper reserves of the budget for the life of the process: without it it could not move at all. */
export function shipperReserveBytes(batchMaxBytes: number): number {
  return RESERVED_BATCHES * batchFootprintBytes(batchMaxBytes) + READ_CHUNK_BYTES;
}
