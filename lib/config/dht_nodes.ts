import { AMINO_BOOTSTRAP } from "../core/dht_network.ts";
import { DEFAULT_DHT_PROTOCOL } from "../core/dht_protocol.ts";
import { UsageError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import type { SettingsOf } from "./settings.ts";

/** As go-libp2p-kad-dht has it (amino.DefaultReprovideInterval). */
const AMINO_REFRESH_SECONDS = 22 * 3600;

/**
 * The nodes that a DHT is joined through: those that are named, else those that
 * the public one has.
 *
 * @param protocol undefined: the usual one
 * @throws UsageError where a protocol was named that the public DHT has not
 */
export function nodesToJoin(
  { network, protocol = DEFAULT_DHT_PROTOCOL, named }: {
    readonly network: string | undefined;
    readonly protocol?: string | undefined;
    readonly named: readonly string[];
  },
): readonly string[] {
  if (network !== "amino") return named;
  if (protocol !== DEFAULT_DHT_PROTOCOL) {
    throw new UsageError(
      `Cannot join the public DHT (network "amino") by the protocol "${
        printable(protocol, 80)
      }", which no node of it speaks: leave the protocol out, or the network`,
    );
  }
  return named.length > 0 ? named : AMINO_BOOTSTRAP;
}

/**
 * The settings of a DHT, as its network has them.
 *
 * @throws UsageError where they contradict it
 */
export function dhtOfNetwork(dht: SettingsOf<"dht">): SettingsOf<"dht"> {
  const { network, protocol, bootstrapNodes: named } = dht;
  const bootstrapNodes = nodesToJoin({ network, protocol, named });
  return network === "amino"
    ? { ...dht, bootstrapNodes, refreshIntervalSeconds: AMINO_REFRESH_SECONDS }
    : dht;
}
