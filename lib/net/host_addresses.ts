/**
 * The addresses that the system knows a host name by: of its hosts file, the
 * DNS, or whatever else it asks.
 *
 * @returns none where it knows none
 * @throws the signal's reason
 */
export async function hostAddresses(
  name: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly string[]> {
  signal.throwIfAborted();
  // Loaded late: few providers name a host.
  const { lookup } = await import("node:dns/promises");
  try {
    const found = await lookup(name, { all: true });
    return found.map(({ address }) => address);
  } catch {
    return [];
  }
}
