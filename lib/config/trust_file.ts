import { TomlDate } from "smol-toml";
import { readToml } from "./read_toml.ts";

/**
 * Reads the text of a trust file. What it has to say is decided in
 * `manifest/trust_root.ts`; here it only becomes plain JSON.
 *
 * @param text TOML
 * @param path of the file, as messages name it
 * @throws ConfigError with line and column where it is not TOML
 */
export function parseTrustFile(text: string, path: string): TrustFileValue {
  return plain(readToml(text.replace(/^\uFEFF/, ""), path));
}

/** TOML with its dates written out, as JSON has them. */
export type TrustFileValue =
  | string
  | number
  | boolean
  | null
  | TrustFileValue[]
  | { [key: string]: TrustFileValue };

function plain(value: unknown): TrustFileValue {
  // In UTC, as in signed documents.
  if (value instanceof TomlDate) return new Date(value).toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, plain(member)]),
    );
  }
  return typeof value === "string" || typeof value === "number" ||
      typeof value === "boolean"
    ? value
    : null;
}
