/**
 * Gives a large buffer's memory back now and not when the garbage collector next runs, which in a quiet process may be never. The
 * buffer and every view of its memory are empty afterwards; it must own its memory whole (`Buffer.allocUnsafeSlow`).
 */
export function freeBuffer(buffer: Buffer): void {
  const memory = buffer.buffer;
  if (memory instanceof ArrayBuffer && memory.byteLength === buffer.length) memory.transfer(0);
}
