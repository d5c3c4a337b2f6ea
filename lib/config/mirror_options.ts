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
 * Those named here have their own place in the help, or do not apply to a
 * mirror.
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

/** `plasmd mirror`: a provider's options, without those for signing. */
export const MIRROR_COMMAND = {
  summary: "Serve somebody else's images, and follow their releases",
  options: {
    config: { ...FILE_OPTION, help: "read settings from this file" },
    artifacts: { ...artifacts, help: "directory to keep releases in" },
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
      help: "how often to look for newer releases, at least",
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
    "the bytes that its owner signed. It has no key of its own, and accepts nothing",
    "that no trusted key has signed, and nothing older than it has. A release stays",
    "on offer until a newer one is complete. With --trust it also serves the trust",
    "documents that it follows. SIGHUP makes it look for newer releases at once.",
  ],
} as const satisfies Command;
