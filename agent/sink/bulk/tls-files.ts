import type { TlsSettings } from '../../config/blocks.ts';
import { Secret } from '../../config/secret.ts';
import { readSecret } from './authorization.ts';

/** What `tls.connect` is given. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized: boolean;
}

type TlsFile = readonly [name: 'ca' | 'cert' | 'key', file: Secret];

/** Certificates, key and CA as they are on disk now. */
export class TlsFiles {
  readonly #files: readonly TlsFile[];
  readonly #onChange: (path: string) => void;
  #known: TlsMaterial;
  #wasRead = false;

  constructor(tls: TlsSettings, onChange: (path: string) => void) {
    const paths = [
      ['ca', tls.caFile] as const,
      ['cert', tls.certFile] as const,
      ['key', tls.keyFile] as const,
    ];
    this.#files = paths.flatMap(([name, path]) =>
      path === undefined ? [] : [[name, Secret.ofFile(path)] as const],
    );
    this.#onChange = onChange;
    this.#known = { rejectUnauthorized: !tls.insecureSkipVerify };
  }

  /** The same object as before while no file has changed. Rejects with a CredentialError where a file cannot be read. */
  async read(): Promise<TlsMaterial> {
    const material = { ...this.#known };
    for (const [name, file] of this.#files) material[name] = await readSecret(file);
    const changed = this.#files.filter(([name]) => material[name] !== this.#known[name]);
    if (changed.length === 0) return this.#known;
    this.#known = material;
    if (this.#wasRead) for (const [, file] of changed) this.#onChange(file.path ?? '');
    this.#wasRead = true;
    return material;
  }
}
