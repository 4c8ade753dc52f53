/** UTF-8 bytes of a text that is prepared once and copied often. Of the same class as a line's bytes, which keeps the copying fast. */
export function constantBytes(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}
