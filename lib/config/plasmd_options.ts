import { DEFAULT_CHANNELS } from "../core/channel_arch.ts";
import {
  ARCH_OPTION,
  CHANNEL_OPTION,
  FILE_OPTION,
  LOG_OPTIONS,
  NETWORK_OPTIONS,
  TRUST_OPTIONS,
} from "./common_options.ts";
import { MIRROR_COMMAND } from "./mirror_options.ts";
import type { OptionTable, Program } from "./option_table.ts";
import { SETTING_OPTIONS } from "./settings.ts";
import { parseHttpUrl } from "./setting_values.ts";

const CONFIG_OPTION = {
  config: { ...FILE_OPTION, help: "read settings from this file" },
} as const satisfies OptionTable;

/**
 * Those named have their own place in the help; any other setting comes last.
 */
const {
  artifacts,
  arch,
  bind,
  port,
  advertiseUrl,
  name,
  stateDir,
  signingKey,
  passphraseFile,
  p2pPort,
  expiresDays,
  ...furtherSettings
} = SETTING_OPTIONS;

/** Which images a command is about. */
const IMAGE_OPTIONS = {
  artifacts,
  channel: {
    ...CHANNEL_OPTION,
    help: "channels to offer",
    defaultText: `${DEFAULT_CHANNELS.join(", ")} and what is found`,
    repeatable: true,
  },
  arch,
} as const satisfies OptionTable;

const NODE_OPTIONS = { p2pPort, ...NETWORK_OPTIONS } as const;

/** What a provider is started with. */
const PROVIDER_OPTIONS = {
  ...CONFIG_OPTION,
  ...IMAGE_OPTIONS,
  bind,
  port,
  advertiseUrl,
  name,
  stateDir,
  signingKey,
  passphraseFile,
  expiresDays,
  ...NODE_OPTIONS,
  ...furtherSettings,
} as const satisfies OptionTable;

const SERVE_OPTIONS = {
  ...PROVIDER_OPTIONS,
  dryRun: { type: "flag", help: "say what would be advertised, and end" },
} as const satisfies OptionTable;

const JSON_OPTION = {
  json: { type: "flag", help: "print JSON" },
} as const satisfies OptionTable;

const OUT_OPTION = { ...FILE_OPTION, help: "write to this file" } as const;

/** The private keys of `sign` commands. */
const SIGN_OPTIONS = {
  key: {
    ...FILE_OPTION,
    help: "private key to sign with",
    repeatable: true,
  },
  passphraseFile,
  out: { ...OUT_OPTION, defaultText: "the file itself" },
} as const satisfies OptionTable;

const URL_OPTION = {
  type: "text",
  placeholder: "URL",
  parse: parseHttpUrl,
} as const;

const MANIFEST_ARGUMENT = {
  ...FILE_OPTION,
  placeholder: "FILE|URL",
  help: "a manifest on disk or of a provider",
  required: true,
} as const;

const TRUST_DOCUMENT = {
  ...FILE_OPTION,
  help: "a trust file in TOML, or a document made from one",
  required: true,
} as const;

/** The command line of `plasmd`. */
export const PLASMD_PROGRAM = {
  name: "plasmd",
  summary: "Offers boot images to the machines of a network",
  options: LOG_OPTIONS,
  commands: {
    serve: {
      summary: "Serve the images of a directory and advertise them",
      options: SERVE_OPTIONS,
      examples: [
        "plasmd serve --artifacts /srv/images",
        "plasmd serve --config /etc/plasm/provider.toml --no-dht",
        "plasmd serve --artifacts /tmp/artifacts --interface lo --port 0",
        "plasmd serve --artifacts /srv/images --pxe",
      ],
      notes: [
        "Flags win over the configuration file, which is the first that exists of",
        "--config, $PLASM_CONFIG, ./plasmd.toml, ~/.config/plasm/provider.toml and",
        "/etc/plasm/provider.toml.",
      ],
    },
    mirror: MIRROR_COMMAND,
    scan: {
      summary: "Show which images are there and which are missing",
      options: {
        ...CONFIG_OPTION,
        ...IMAGE_OPTIONS,
        stateDir,
        verify: {
          type: "flag",
          help: "read everything, and compare with what was promised",
        },
        ...JSON_OPTION,
      },
      examples: [
        "plasmd scan --artifacts /srv/images",
        "plasmd scan --config /etc/plasm/provider.toml --verify",
      ],
      notes: [
        "With --verify each file is read and held against its owner's checksums or",
        "signed manifest, or what a provider has read and signed, which may be running",
        "meanwhile. It ends with 1 where one differs or cannot be read.",
      ],
    },
    "manifest show": {
      summary: "Print what a manifest promises",
      options: JSON_OPTION,
      positionals: { manifest: MANIFEST_ARGUMENT },
      examples: [
        "plasmd manifest show http://192.168.1.10:8080/stable/arm64/manifest.json",
      ],
    },
    "manifest generate": {
      summary:
        "Write the unsigned manifest of an image, to be signed elsewhere",
      options: {
        ...CONFIG_OPTION,
        artifacts,
        channel: { ...CHANNEL_OPTION, help: "channel of the image" },
        arch: { ...ARCH_OPTION, help: "architecture of the image" },
        expiresDays,
        out: {
          ...OUT_OPTION,
          defaultText: "manifest.json beside the image",
        },
      },
      examples: [
        "plasmd manifest generate --artifacts /srv/images --channel stable --arch arm64",
      ],
    },
    "manifest renew": {
      summary:
        "Sign manifests anew that expire; needs neither image nor network",
      options: { ...CONFIG_OPTION, ...SIGN_OPTIONS, expiresDays },
      positionals: {
        manifest: {
          ...MANIFEST_ARGUMENT,
          placeholder: "FILE",
          help: "manifests that one of the keys has signed before",
          repeatable: true,
        },
      },
      examples: [
        "plasmd manifest renew --key signing.pem /srv/images/*/*/manifest.json",
      ],
      notes: [
        "What has more than half of its life left stays as it is, so this can be run",
        "every day. Version and content stay in any case: boxes that remember a",
        "version take it. Others who are to sign add theirs with manifest sign.",
      ],
    },
    "manifest sign": {
      summary: "Add signatures to a manifest; needs no network",
      options: SIGN_OPTIONS,
      positionals: {
        manifest: {
          ...MANIFEST_ARGUMENT,
          placeholder: "FILE",
          help: "an unsigned or signed manifest",
        },
      },
      examples: [
        "plasmd manifest sign --key signing.pem /srv/images/stable/arm64/manifest.json",
      ],
    },
    "manifest verify": {
      summary: "Check the signatures and the expiry of a manifest",
      options: TRUST_OPTIONS,
      positionals: { manifest: MANIFEST_ARGUMENT },
      examples: ["plasmd manifest verify --key signing.pub manifest.json"],
    },
    "trust sign": {
      summary: "Make or sign the document that succeeds a trust file",
      options: {
        ...SIGN_OPTIONS,
        trust: { ...FILE_OPTION, help: "the trust file or document before it" },
        out: { ...SIGN_OPTIONS.out, defaultText: "FILE with the end .json" },
      },
      positionals: {
        document: TRUST_DOCUMENT,
      },
      examples: [
        "plasmd trust sign --key old.pem --trust trust-1.toml --out 2.json trust-2.toml",
      ],
      notes: [
        "Sign with enough keys of the trust file before it, and enough of its own,",
        "one after the other if need be: it ends with 6 while signatures are missing.",
        "A provider serves what it finds in STATE_DIR/trust/N.json at /trust/N.json.",
      ],
    },
    "trust show": {
      summary: "Print what a trust file or document says, and who signed it",
      options: JSON_OPTION,
      positionals: { document: TRUST_DOCUMENT },
      examples: ["plasmd trust show 2.json"],
    },
    "trust verify": {
      summary: "Say how far a box follows documents, and why not further",
      options: {
        trust: { ...FILE_OPTION, help: "the trust file that the box has" },
      },
      positionals: {
        document: {
          ...TRUST_DOCUMENT,
          help: "the documents that a provider serves, in any order",
          repeatable: true,
        },
      },
      examples: ["plasmd trust verify --trust trust-1.toml 2.json 3.json"],
      notes: [
        "Ends with 4 unless a box follows all of them, and trusts the last.",
      ],
    },
    "key generate": {
      summary: "Create a private key to sign manifests with",
      options: {
        stateDir,
        out: {
          ...OUT_OPTION,
          defaultText: "signing.key in the state directory",
        },
      },
      examples: ["plasmd key generate --out signing.pem"],
    },
    "key show": {
      summary: "Print the public key that clients are to trust",
      options: {
        ...CONFIG_OPTION,
        stateDir,
        signingKey,
        passphraseFile,
        url: {
          ...URL_OPTION,
          help: "ask this provider, which runs",
          defaultText: "one that runs here, unless a key or directory is named",
        },
        format: {
          type: "choice",
          choices: ["all", "keyid", "hex", "base64", "pem"],
          default: "all",
          help: "how it is printed",
        },
      },
      conflicts: ["--signing-key", "--state-dir", "--config"].map((
        option,
      ) => [
        "--url",
        option,
        "the key is asked of a provider, or read from files",
      ]),
      examples: [
        "plasmd key show",
        "plasmd key show --signing-key signing.pem --format pem",
      ],
    },
    status: {
      summary: "Show what a running provider does",
      options: {
        url: {
          ...URL_OPTION,
          help: "where the provider serves",
          default: "http://127.0.0.1:8080",
        },
        ...JSON_OPTION,
      },
      examples: ["plasmd status --url http://192.168.1.10:8080"],
    },
    doctor: {
      summary: "Say why clients do not find the images of a provider",
      options: {
        ...PROVIDER_OPTIONS,
        url: {
          ...URL_OPTION,
          help: "look at this provider from outside, here or elsewhere",
          defaultText: "one that runs here, and this machine",
        },
        ...JSON_OPTION,
      },
      examples: [
        "plasmd doctor",
        "plasmd doctor --config /etc/plasm/provider.toml",
        "plasmd doctor --url http://192.168.1.10:8080",
      ],
      notes: [
        "Takes the options of serve: give it those that the provider has. Looks at",
        "images, keys, state directory, clock, ports and boot loaders here, and at each",
        "link and the DHT as a client would: by mDNS, with another implementation than",
        "ours, and by HTTP. It works whether the provider runs or not. Ends with 1 where",
        "something keeps clients from the images; each finding has its cause, the next",
        "step and its section in docs/troubleshooting.md. A machine does not see its own",
        "firewall for TCP: for that, run this with --url on another one.",
      ],
    },
    bootstrap: {
      summary: "Run a DHT node without images, for others to join through",
      options: {
        ...CONFIG_OPTION,
        bind: { ...bind, help: "address to listen on" },
        port: {
          ...port,
          help: "TCP port of its status, 0 for a free one",
          defaultText: "8081 if it is free",
        },
        stateDir,
        ...NODE_OPTIONS,
      },
      examples: [
        "plasmd bootstrap --p2p-port 4001 --state-dir /var/lib/plasmd",
      ],
      notes: [
        "Answers over HTTP with /status, /ready, /metrics and /peers. The port of the",
        "configuration file is that of a provider, and is not used here.",
      ],
    },
    completions: {
      summary: "Print completions for a shell",
      options: {},
      positionals: {
        shell: {
          type: "choice",
          choices: ["bash", "zsh", "fish"],
          help: "the shell to print them for",
          required: true,
        },
      },
      examples: ["source <(plasmd completions bash)"],
    },
  },
  groups: {
    manifest: "Looks at, makes, signs and checks manifests",
    trust:
      "Makes, shows and checks the documents by which trusted keys succeed each other",
    key: "Makes and shows the keys that sign manifests",
  },
} as const satisfies Program;
