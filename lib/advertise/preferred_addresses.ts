import type { Clock } from "../core/clock.ts";
import type { Link } from "../net/interfaces.ts";

/** How often it is asked anew: routers deprecate addresses, in silence. */
const ASK_INTERVAL_MS = 30_000;

/** What the preferences are asked with. */
export interface PreferredAddressesOptions {
  /** Which address of IPv6 the system prefers on an interface. */
  readonly ask: (interfaceName: string) => Promise<string | undefined>;
  /** Times the questions. */
  readonly clock: Pick<Clock, "monotonic">;
  /** Told when the order of some addresses is another one. */
  readonly onChange: () => void;
}

/**
 * Knows which of a link's addresses to name first: several of IPv6 may be
 * there, of which some are deprecated (RFC 4862 section 5.5.4).
 */
export class PreferredAddresses {
  readonly #options: PreferredAddressesOptions;
  /** By interface. */
  readonly #answers = new Map<string, {
    readonly among: string;
    readonly askedMs: number;
    readonly address: string | undefined;
  }>();

  constructor(options: PreferredAddressesOptions) {
    this.#options = options;
  }

  /** The addresses of a link, the preferred one first. */
  order({ addresses, interfaceName }: Link): string[] {
    const preferred = this.#answers.get(interfaceName)?.address;
    const rank = (address: string) => address === preferred ? 0 : 1;
    return addresses.map(({ address }) => address)
      .sort((a, b) => rank(a) - rank(b));
  }

  /** Asks for the links that have several, those that it did not ask lately. */
  async ask(links: readonly Link[]): Promise<void> {
    const { ask, clock, onChange } = this.#options;
    const several = links.filter(({ family, addresses }) =>
      family === 6 && addresses.length > 1
    );
    await Promise.all(several.map(async ({ interfaceName, addresses }) => {
      const askedMs = clock.monotonic();
      const among = addresses.map(({ address }) => address).sort().join();
      const before = this.#answers.get(interfaceName);
      const isFresh = before?.among === among &&
        askedMs < before.askedMs + ASK_INTERVAL_MS;
      if (isFresh) return;
      // Until the answer comes, the question is not asked again.
      const said = { among, askedMs, address: before?.address };
      this.#answers.set(interfaceName, said);
      const address = await ask(interfaceName);
      this.#answers.set(interfaceName, { ...said, address });
      if (address !== said.address) onChange();
    }));
  }
}
