import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { LOOKUP_MS } from './constants.js';

type Lookup = (host: string) => Promise<readonly { readonly address: string }[]>;

/**
 * Addresses at which the gateway's HTTPS server may be reached. A name is looked up by the system, which may be lied to or
 * get no answer where UDP is blocked: what was found before, and the addresses of the tunnel's endpoints, are tried, too.
 */
export class GatewayAddresses {
  readonly #host: string;
  readonly #endpoints: readonly string[];
  readonly #lookup: Lookup;
  #known: readonly string[] = [];
  #running: Promise<void> | undefined;

  /** @param endpoints addresses of the tunnel's UDP endpoints */
  constructor(url: URL, endpoints: readonly string[], lookup: Lookup = (host) => systemLookup(host, { all: true })) {
    this.#host = url.hostname.replace(/^\[|\]$/g, '');
    this.#endpoints = endpoints;
    this.#lookup = lookup;
  }

  /** Those of the given families, best first; takes no longer than 3 s. */
  async of(families: readonly number[]): Promise<string[]> {
    const found = isIP(this.#host) === 0 ? [...(await this.#look()), ...this.#endpoints] : [this.#host];
    return [...new Set(found)].filter((address) => families.includes(isIP(address)));
  }

  async #look(): Promise<readonly string[]> {
    // One at a time: a resolver that hangs holds a thread of the process for as long as it likes.
    this.#running ??= this.#lookup(this.#host)
      .then(
        (answers) => {
          this.#known = answers.map(({ address }) => address);
        },
        () => {},
      )
      .finally(() => {
        this.#running = undefined;
      });
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LOOKUP_MS);
    });
    await Promise.race([this.#running, timeout]);
    clearTimeout(timer);
    return this.#known;
  }
}
