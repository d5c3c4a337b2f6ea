/** What `channels` in a header is called until the parser has taken the text. */
export const HEADED_CHANNELS = "\0";

/** What looks like a header inside strings or comments is none. */
const HEADER_OR_QUOTED =
  /^([ \t]*\[[ \t]*(["']?)provider\2[ \t]*\.[ \t]*)((["']?)channels\4)(?=[ \t]*[.\]])|"""(?:\\[^]|[^\\])*?"{3,5}|'''[^]*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*/gm;

/**
 * Makes the specification's file valid TOML: there `channels` is a list of
 * names and at once a table, `[provider.channels.stable]`, which TOML forbids.
 * Its headers are renamed to `[provider."\u0000".stable]`, which is as long, so
 * that all that follows keeps its place.
 */
export function renameChannelTables(text: string): string {
  return text.replace(
    HEADER_OR_QUOTED,
    (all, before?: string, _quote?: string, word?: string) =>
      before === undefined || word === undefined
        ? all
        : before + String.raw`"\u0000"`.padEnd(word.length),
  );
}
