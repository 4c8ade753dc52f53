import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The directory with recorded logs, samples and real servers: the environment variable SHARED_DIR, else `shared` beside the checkout.
 * Undefined where there is none; a test that needs it says so in one line and is skipped.
 */
export function sharedDir(): string | undefined {
  const directory = process.env['SHARED_DIR'] ?? join(import.meta.dirname, '..', '..', '..', 'shared');
  return existsSync(directory) ? directory : undefined;
}
