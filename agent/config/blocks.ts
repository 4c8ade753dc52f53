/** Settings that several components share. A component's own schema is made of these and of its own keys. */
import * as z from 'zod';
import { Secret } from './secret.ts';
import { parseByteSize } from './units.ts';

// A configuration is read once: parsers compiled for speed would cost more time and memory than they ever give back.
z.config({ jitless: true });

/** A size in bytes: a number, or text with a unit. */
export function byteSize(
  what: string,
  limits: { min: number; max?: number },
): z.ZodType<number, number | string> {
  const max = limits.max ?? Number.MAX_SAFE_INTEGER;
  return z
    .union([z.number(), z.string()])
    .transform((input, context) => {
      const bytes = typeof input === 'number' ? input : parseByteSize(input);
      if (bytes !== undefined && Number.isInteger(bytes) && bytes >= limits.min && bytes <= max) return bytes;
      const range =
        limits.max === undefined ? `at least ${limits.min} bytes` : `${limits.min} to ${max} bytes`;
      context.addIssue({
        code: 'custom',
        message: `expected a size such as 64MiB (${range})`,
      });
      return z.NEVER;
    })
    .describe(what);
}

/** Milliseconds. */
export function milliseconds(what: string, limits: { min: number; max: number }): z.ZodType<number, number> {
  return z.int().min(limits.min).max(limits.max).describe(what);
}

/** Marks a schema whose value must not appear in a message. */
export const SECRET_MARK = { secret: true } as const;

/** A secret given as a value, meant for `${ENV}`. */
export const secretValue = z
  .string()
  .min(1)
  .meta(SECRET_MARK)
  .transform((value) => Secret.ofValue(value));

/** A secret given as the path of a file that is read again when it changes. */
export const secretFile = z
  .string()
  .min(1)
  .transform((path) => Secret.ofFile(path));

export const tlsBlock = z
  .strictObject({
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe('CA certificates (PEM) to trust instead of the system ones'),
    certFile: z.string().min(1).optional().describe('client certificate (PEM)'),
    keyFile: z.string().min(1).optional().describe('key of the client certificate (PEM)'),
    insecureSkipVerify: z.boolean().default(false).describe('trust any certificate; for tests only'),
  })
  .refine((tls) => (tls.certFile === undefined) === (tls.keyFile === undefined), {
    message: 'certFile and keyFile belong together',
  });

export type TlsSettings = z.output<typeof tlsBlock>;

/** Keys by which an HTTP sink proves who it is; at most one kind may be given. Spread into a sink's own object. */
export const authKeys = {
  apiKey: secretValue.optional().describe('API key, encoded form'),
  apiKeyFile: secretFile.optional().describe('file with the API key, encoded form'),
  username: z.string().min(1).optional().describe('user name, with password or passwordFile'),
  password: secretValue.optional().describe('password; better in a file'),
  passwordFile: secretFile.optional().describe('file with the password'),
  bearerToken: secretValue.optional().describe('bearer token; better in a file'),
  bearerTokenFile: secretFile.optional().describe('file with the bearer token'),
};

export interface AuthSettings {
  apiKey?: Secret | undefined;
  apiKeyFile?: Secret | undefined;
  username?: string | undefined;
  password?: Secret | undefined;
  passwordFile?: Secret | undefined;
  bearerToken?: Secret | undefined;
  bearerTokenFile?: Secret | undefined;
}

/** What is wrong with the combination of authentication keys; undefined where nothing is. For a `superRefine`. */
export function authProblem(auth: AuthSettings): string | undefined {
  const apiKeys = [auth.apiKey, auth.apiKeyFile].filter((key) => key !== undefined).length;
  const tokens = [auth.bearerToken, auth.bearerTokenFile].filter((key) => key !== undefined).length;
  const passwords = [auth.password, auth.passwordFile].filter((key) => key !== undefined).length;
  if (apiKeys > 1 || tokens > 1 || passwords > 1) return 'give either the value or the file, not both';
  if ((auth.username !== undefined) !== passwords > 0) return 'username and passwordFile belong together';
  if (apiKeys + tokens + passwords > 1)
    return 'give one of apiKeyFile, username with passwordFile, bearerTokenFile';
  return undefined;
}

/** When an open batch is sent. */
export function batchBlock(defaults: { maxBytes: number; maxEvents: number; maxAgeMs: number }) {
  return z
    .strictObject({
      maxBytes: byteSize('bytes of documents, before compression', {
        min: 64 * 1024,
        max: 64 * 1024 ** 2,
      }).prefault(defaults.maxBytes),
      maxEvents: z.int().min(1).max(100_000).default(defaults.maxEvents).describe('documents'),
      maxAgeMs: milliseconds('age of the oldest document', { min: 10, max: 60_000 }).default(
        defaults.maxAgeMs,
      ),
    })
    .prefault({})
    .describe('a batch is sent when the first of these is reached');
}

/** The name of a log or sink: it becomes part of file names and metric labels. */
export const componentName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/i, 'expected 1 to 63 letters, digits, ".", "_" or "-"');
