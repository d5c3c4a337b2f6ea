import { ok } from "../core/result.ts";
import {
  ARCH_OPTION,
  CHANNEL_OPTION,
  FILE_OPTION,
  NETWORK_OPTIONS,
  TRUST_CONFLICTS,
  TRUST_FILE_OPTION,
  TRUST_OPTIONS,
} from "./common_options.ts";
import type { Command } from "./option_table.ts";
import { SETTING_OPTIONS } from "./settings.ts";
import { parseDuration } from "./setting_values.ts";

/**
 * Those named have their own place in the help, or do not apply to a mirror.
 */
const {
  artifacts,
  bind,
  port,
  advertiseUrl,
  name,
  stateDir,
  p2pPort,
  arch: _arch,
  signingKey: _signingKey,
  passphraseFile: _passphraseFile,
  expiresDays: _expiresDays,
  ...furtherSettings
} = SETTING_OPTIONS;

/** `plasmd mirror`: what a provider is told, but for keys to sign with. */
export const MIRROR_COMMAND = {
  summary: "Serve the images of somebody else, and follow what is newer",
  options: {
    config: { ...FILE_OPTION, help: "read settings from this file" },
    artifacts: { ...artifacts, help: "directory that releases are kept in" },
    channel: {
      ...CHANNEL_OPTION,
      help: "channels to mirror",
      repeatable: true,
    },
    arch: { ...ARCH_OPTION, help: "architectures to mirror", repeatable: true },
    ...TRUST_OPTIONS,
    trust: TRUST_FILE_OPTION,
    every: {
      type: "text",
      placeholder: "TIME",
      default: "10m",
      parse: (text: string) => {
        const duration = parseDuration(text);
        return duration.ok ? ok(text) : duration;
      },
      help: "ask others for newer releases at least as often",
    },
    bind,
    port,
    advertiseUrl,
    name,
    stateDir,
    p2pPort,
    ...NETWORK_OPTIONS,
    ...furtherSettings,
  },
  conflicts: TRUST_CONFLICTS,
  examples: [
    "plasmd mirror --channel stable --arch arm64 --key signing.pub",
    "plasmd mirror --channel stable --arch arm64 --arch x86_64 --trust trust.toml",
  ],
  notes: [
    "Finds each image as phase_discover does, fetches it, and serves and advertises",
    "the bytes that its owner signed: it has no key of its own, and takes nothing",
    "that a trusted key has not signed, nor anything older than it has. What it has",
    "stays on offer until what is newer is whole. With --trust it hands on the trust",
    "documents that it follows. SIGHUP asks others at once.",
  ],
} as const satisfies Command;
