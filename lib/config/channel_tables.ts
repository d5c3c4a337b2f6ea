import { TomlOutline } from "./toml_outline.ts";

/** A configuration text that a strict TOML parser takes. */
export interface ChannelTables {
  /** As long as the text that was given, so that every position holds. */
  readonly text: string;
  /** Channels whose header was `[provider.channels.X]`. */
  readonly renamed: ReadonlySet<string>;
  /** A channel that is set up under both names, and where the second is. */
  readonly conflict:
    | { readonly channel: string; readonly offset: number }
    | undefined;
}

/**
 * Makes the specification's file valid TOML: there `channels` is a list of
 * names and at once a table, `[provider.channels.stable]`, which TOML forbids.
 * Its headers are renamed to `[provider.channel .stable]`; the blank, which
 * TOML ignores, keeps all that follows in its place.
 */
export function renameChannelTables(text: string): ChannelTables {
  const forms = new Map<string, string>();
  const renamed = new Set<string>();
  let conflict: ChannelTables["conflict"];
  let result = text;
  for (const words of new TomlOutline(text).headers) {
    const [provider, form, channel] = words;
    if (provider?.name !== "provider" || form === undefined) continue;
    if (form.name !== "channels" && form.name !== "channel") continue;
    if (channel !== undefined) {
      const earlier = forms.get(channel.name) ?? form.name;
      if (earlier !== form.name) {
        conflict ??= { channel: channel.name, offset: form.start };
      }
      forms.set(channel.name, form.name);
      if (form.name === "channels") renamed.add(channel.name);
    }
    if (form.name === "channels") {
      const word = text.slice(form.start, form.end);
      result = result.slice(0, form.start) +
        word.replace("channels", "channel").padEnd(word.length) +
        result.slice(form.end);
    }
  }
  return { text: result, renamed, conflict };
}
