/** What every item of the answer is where a server created every document, asked for no more than the status. */
const ITEM = '{"create":{"status":201}}';
const HEAD = '{"errors":false,"items":[';
const TAIL = ']}';

/** The answer to a bulk request of which every document was created. */
export class AllCreated {
  readonly count: number;

  constructor(count: number) {
    this.count = count;
  }
}

/**
 * Recognises the answer that nearly every request gets without parsing it: thousands of equal objects would cost more than the batch
 * did. Undefined for any other answer, or one that is written in another way.
 */
export function readAllCreated(json: string): AllCreated | undefined {
  if (!json.startsWith(HEAD) || !json.endsWith(TAIL)) return undefined;
  const end = json.length - TAIL.length;
  let count = 0;
  for (let at = HEAD.length; json.startsWith(ITEM, at); at += 1) {
    count += 1;
    at += ITEM.length;
    if (at === end) return new AllCreated(count);
    if (json[at] !== ',') return undefined;
  }
  return undefined;
}
