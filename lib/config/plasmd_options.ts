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
 * Those named here have their own place in the help; other settings come last.
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
    defaultText: `${DEFAULT_CHANNELS.join(", ")} and any found on disk`,
    repeatable: true,
  },
  arch,
} as const satisfies OptionTable;

const NODE_OPTIONS = { p2pPort, ...NETWORK_OPTIONS } as const;

/** The options of a provider. */
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
  dryRun: { type: "flag", help: "show what would be advertised, and exit" },
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
  help: "a manifest on disk or at a provider",
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
        "Flags override the configuration file, which is the first that exists of",
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
          help: "read all content, and compare it with what was promised",
        },
        ...JSON_OPTION,
      },
      examples: [
        "plasmd scan --artifacts /srv/images",
        "plasmd scan --config /etc/plasm/provider.toml --verify",
      ],
      notes: [
        "With --verify each file is read and compared with its owner's checksums or",
        "signed manifest, or with what a provider has read and signed; the provider may",
        "be running. Exits with 1 if a file differs or cannot be read.",
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
      summary: "Sign expiring manifests again; needs neither image nor network",
      options: { ...CONFIG_OPTION, ...SIGN_OPTIONS, expiresDays },
      positionals: {
        manifest: {
          ...MANIFEST_ARGUMENT,
          placeholder: "FILE",
          help: "manifests already signed by one of the keys",
          repeatable: true,
        },
      },
      examples: [
        "plasmd manifest renew --key signing.pem /srv/images/*/*/manifest.json",
      ],
      notes: [
        "A manifest with more than half of its life left stays as it is, so this can be",
        "run every day. Version and content never change, so boxes that remember the",
        "version accept it. Other signers add their signatures with manifest sign.",
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
      summary: "Create or sign the document that succeeds a trust file",
      options: {
        ...SIGN_OPTIONS,
        trust: { ...FILE_OPTION, help: "the preceding trust file or document" },
        out: {
          ...SIGN_OPTIONS.out,
          defaultText: "FILE with the extension .json",
        },
      },
      positionals: {
        document: TRUST_DOCUMENT,
      },
      examples: [
        "plasmd trust sign --key old.pem --trust trust-1.toml --out 2.json trust-2.toml",
      ],
      notes: [
        "Sign with enough keys of the preceding trust file and enough of its own, in",
        "several runs if need be: it exits with 6 while signatures are missing. A",
        "provider serves STATE_DIR/trust/N.json at /trust/N.json.",
      ],
    },
    "trust show": {
      summary: "Print what a trust file or document says, and who signed it",
      options: JSON_OPTION,
      positionals: { document: TRUST_DOCUMENT },
      examples: ["plasmd trust show 2.json"],
    },
    "trust verify": {
      summary: "Show how far a box follows documents, and why no further",
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
        "Exits with 4 unless a box follows all of them and trusts the last.",
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
          help: "ask this running provider",
          defaultText:
            "the one on this machine, unless a key or directory is named",
        },
        format: {
          type: "choice",
          choices: ["all", "keyid", "hex", "base64", "pem"],
          default: "all",
          help: "output format",
        },
      },
      conflicts: ["--signing-key", "--state-dir", "--config"].map((
        option,
      ) => [
        "--url",
        option,
        "the key comes from a provider or from files",
      ]),
      examples: [
        "plasmd key show",
        "plasmd key show --signing-key signing.pem --format pem",
      ],
    },
    status: {
      summary: "Show the state of a running provider",
      options: {
        url: {
          ...URL_OPTION,
          help: "base URL of the provider",
          default: "http://127.0.0.1:8080",
        },
        ...JSON_OPTION,
      },
      examples: ["plasmd status --url http://192.168.1.10:8080"],
    },
    doctor: {
      summary: "Find out why clients cannot find a provider's images",
      options: {
        ...PROVIDER_OPTIONS,
        url: {
          ...URL_OPTION,
          help: "check this provider from outside, here or elsewhere",
          defaultText: "the one on this machine, and the machine itself",
        },
        ...JSON_OPTION,
      },
      examples: [
        "plasmd doctor",
        "plasmd doctor --config /etc/plasm/provider.toml",
        "plasmd doctor --url http://192.168.1.10:8080",
      ],
      notes: [
        "Takes the options of serve: give it the same ones as the provider. Checks the",
        "images, keys, state directory, clock, ports and boot loaders here, and each",
        "link and the DHT as a client would: by mDNS, with an independent",
        "implementation, and by HTTP. The provider need not be running. Exits with 1 if",
        "something keeps clients from the images; each finding has its cause, the next",
        "step and a section in docs/troubleshooting.md. A machine cannot see its own",
        "firewall for TCP: run this with --url on another one for that.",
      ],
    },
    bootstrap: {
      summary: "Run a DHT node without images, for others to join through",
      options: {
        ...CONFIG_OPTION,
        bind: { ...bind, help: "address to listen on" },
        port: {
          ...port,
          help: "TCP port for status over HTTP, 0 for a free one",
          defaultText: "8081 if it is free",
        },
        stateDir,
        ...NODE_OPTIONS,
      },
      examples: [
        "plasmd bootstrap --p2p-port 4001 --state-dir /var/lib/plasmd",
      ],
      notes: [
        "Serves /status, /ready, /metrics and /peers over HTTP. The port in the",
        "configuration file is a provider's, and is not used here.",
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
    manifest: "Shows, creates, signs and verifies manifests",
    trust:
      "Creates, shows and verifies the documents by which trusted keys succeed each other",
    key: "Creates and shows the keys that sign manifests",
  },
} as const satisfies Program;
