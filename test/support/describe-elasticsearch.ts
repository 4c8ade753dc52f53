import { describe } from '@jest/globals';
import type { ElasticsearchVersion } from './elasticsearch-server.ts';

/** As `describe.each`, which does not take an empty list: then the tests stand there as skipped. */
export function describeElasticsearch(list: readonly ElasticsearchVersion[]) {
  return list.length === 0 ? describe.skip.each(['9.5'] as const) : describe.each(list);
}
