import {
  DEFAULT_ARCHITECTURES,
  DEFAULT_CHANNELS,
  parseArch,
  parseChannel,
} from "../core/channel_arch.ts";
import { DHT_NETWORKS, parseDhtNetwork } from "../core/dht_network.ts";
import { LOG_LEVELS } from "../core/log.ts";
import { checkMultiaddr } from "../core/multiaddr_text.ts";
import type { Conflict, OptionTable } from "./option_table.ts";
import { parseInterface, parseProtocol } from "./setting_values.ts";

/** What every command of both programs takes. */
export const LOG_OPTIONS = {
  logLevel: {
    type: "choice",
    choices: LOG_LEVELS,
    default: "info",
    help: "least severe level that is logged",
  },
  logFormat: {
    type: "choice",
    choices: ["text", "json"],
    default: "text",
    help: "format of log lines",
  },
} as const satisfies OptionTable;

/** The path of a file. */
export const FILE_OPTION = {
  type: "text",
  placeholder: "FILE",
  completes: "file",
} as const;

/** Which links and DHT nodes to use; for both programs. */
export const NETWORK_OPTIONS = {
  interface: {
    type: "text",
    placeholder: "NAME|ADDR",
    help: "use these network interfaces only, or all but !NAME",
    repeatable: true,
    parse: parseInterface,
  },
  bootstrap: {
    type: "text",
    placeholder: "MULTIADDR",
    help: "join the DHT through these nodes",
    repeatable: true,
    parse: checkMultiaddr,
  },
  dhtProtocol: {
    type: "text",
    placeholder: "ID",
    help: "Kademlia protocol ID, for a private DHT",
    parse: parseProtocol,
  },
  dhtNetwork: {
    type: "text",
    placeholder: DHT_NETWORKS.join("|"),
    help:
      "amino: the public DHT of IPFS, where anybody can see queries and offers",
    parse: parseDhtNetwork,
    completes: DHT_NETWORKS,
  },
} as const satisfies OptionTable;

/** One release channel. */
export const CHANNEL_OPTION = {
  type: "text",
  placeholder: "NAME",
  parse: parseChannel,
  completes: DEFAULT_CHANNELS,
} as const;

/** One architecture; aliases are made canonical. */
export const ARCH_OPTION = {
  type: "text",
  placeholder: "NAME",
  parse: parseArch,
  completes: DEFAULT_ARCHITECTURES,
} as const;

/** Which keys are trusted to sign manifests. */
export const TRUST_OPTIONS = {
  key: {
    type: "text",
    placeholder: "HEX|FILE",
    help: "trust this public key: hex, base64, PEM file or directory of keys",
    repeatable: true,
    completes: "file",
  },
  threshold: {
    type: "integer",
    placeholder: "N",
    min: 1,
    max: 64,
    default: 1,
    help: "number of trusted keys that must have signed",
  },
} as const satisfies OptionTable;

/** The trust document that a client begins with. */
export const TRUST_FILE_OPTION = {
  ...FILE_OPTION,
  help: "trust the keys of this TOML file, and those that succeed them",
} as const;

/** The ways to name trusted keys exclude each other. */
export const TRUST_CONFLICTS = [
  ["--key", "--trust", "put the key into the trust file instead"],
  ["--threshold", "--trust", "the trust file has a threshold of its own"],
] as const satisfies readonly Conflict[];
