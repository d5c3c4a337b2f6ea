import { checkMultiaddr } from "../../core/multiaddr_text.ts";
import { messageOf } from "../../core/printable.ts";
import { ok, refuse, type Result } from "../../core/result.ts";

/** Asks the DNS for the TXT records of a name; rejects when there are none. */
export type ResolveTxt = (
  name: string,
  options: { readonly signal: AbortSignal },
) => Promise<string[]>;

/** Names that stand for names that stand for names: no more than that. */
const MAX_DEPTH = 4;
const MAX_ADDRESSES = 64;

/**
 * The addresses a `/dnsaddr/NAME` stands for: the `dnsaddr=` TXT records of
 * `_dnsaddr.NAME` (https://github.com/multiformats/multiaddr, DNSADDR). Any
 * other address stands for itself.
 *
 * libp2p resolves them too, but dials a single peer of them.
 *
 * @param address checked by `checkMultiaddr`
 */
export async function expandDnsaddr(
  address: string,
  { signal, resolveTxt = systemResolveTxt }: {
    readonly signal: AbortSignal;
    readonly resolveTxt?: ResolveTxt | undefined;
  },
): Promise<Result<string[]>> {
  const found = new Set<string>();
  const asked = new Set<string>();
  const expand = async (one: string, depth: number): Promise<void> => {
    const [, protocol, name, , peerId] = one.split("/");
    if (protocol !== "dnsaddr") {
      if (found.size < MAX_ADDRESSES) found.add(one);
      return;
    }
    if (depth === MAX_DEPTH || asked.has(one)) return;
    asked.add(one);
    const texts = await resolveTxt(`_dnsaddr.${name}`, { signal });
    const named = texts.flatMap((text) =>
      text.startsWith("dnsaddr=") ? [text.slice("dnsaddr=".length)] : []
    ).filter((text) => checkMultiaddr(text).ok);
    // With a peer id, only the addresses of that peer count.
    const meant = named.filter((text) =>
      peerId === undefined || text.endsWith(`/p2p/${peerId}`)
    );
    await Promise.all(
      meant.slice(0, MAX_ADDRESSES).map((text) => expand(text, depth + 1)),
    );
  };
  try {
    await expand(address, 0);
  } catch (error) {
    if (found.size === 0) {
      return refuse(`its name does not resolve (${messageOf(error)})`);
    }
  }
  return found.size > 0
    ? ok([...found])
    : refuse("its name has no address that can be dialled");
}

async function systemResolveTxt(
  name: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<string[]> {
  // A TXT record is a list of strings of at most 255 bytes each.
  const records = await Deno.resolveDns(name, "TXT", { signal });
  return records.map((strings) => strings.join(""));
}
