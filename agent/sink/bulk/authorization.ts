import type { AuthSettings } from '../../config/blocks.ts';
import type { Secret } from '../../config/secret.ts';
import { messageOf } from './one-line.ts';

/** What no header can carry; a credential with such a character was not written as it is meant. */
const NO_HEADER = /[^\t\x20-\x7e]/;

/** A credential cannot be had. The text names the file and never what is in it. */
export class CredentialError extends Error {}

/**
 * Makes the `authorization` header from settings. Each call reads what has changed on disk, so that a rotated key is used by the next
 * request.
 */
export class Authorization {
  readonly #auth: AuthSettings;
  readonly #onChange: (path: string) => void;
  readonly #known = new Map<Secret, string>();

  constructor(auth: AuthSettings, onChange: (path: string) => void) {
    this.#auth = auth;
    this.#onChange = onChange;
  }

  /** The header's value as of now; undefined where no credentials are configured. Rejects with a CredentialError. */
  async header(): Promise<string | undefined> {
    const { username, ...secrets } = this.#auth;
    const apiKey = secrets.apiKey ?? secrets.apiKeyFile;
    if (apiKey !== undefined) return `ApiKey ${await this.#printable(apiKey)}`;
    const token = secrets.bearerToken ?? secrets.bearerTokenFile;
    if (token !== undefined) return `Bearer ${await this.#printable(token)}`;
    const password = secrets.password ?? secrets.passwordFile;
    if (username === undefined || password === undefined) return undefined;
    return `Basic ${Buffer.from(`${username}:${await this.#read(password)}`).toString('base64')}`;
  }

  async #printable(secret: Secret): Promise<string> {
    const value = await this.#read(secret);
    if (!NO_HEADER.test(value)) return value;
    throw new CredentialError(`${secret.path ?? 'the credential'} holds more than one line or no plain text`);
  }

  async #read(secret: Secret): Promise<string> {
    const value = await readSecret(secret);
    const known = this.#known.get(secret);
    this.#known.set(secret, value);
    if (known !== undefined && known !== value) this.#onChange(secret.path ?? '');
    return value;
  }
}

/** Reads a secret; rejects with a CredentialError where that is not possible or it is empty. */
export async function readSecret(secret: Secret): Promise<string> {
  let value: string;
  try {
    value = await secret.read();
  } catch (error) {
    const why = messageOf(error);
    throw new CredentialError(`cannot read ${secret.path ?? 'the credential'}: ${why}`, { cause: error });
  }
  if (value === '') throw new CredentialError(`${secret.path ?? 'the credential'} is empty`);
  return value;
}
