import assert from "node:assert/strict";
import { findConfig } from "../../lib/config/config_search.ts";
import {
  FileAccessError,
  FileNotFoundError,
} from "../../lib/core/file_system.ts";

/** Searches among files given as path and text, or why they cannot be read. */
function search(
  files: Record<string, string | FileAccessError>,
  environment: Record<string, string>,
  flag?: string,
  closed: readonly string[] = [],
) {
  return findConfig({
    flag,
    environment: (name) => environment[name],
    fileSystem: {
      readText(path) {
        const text = files[path];
        if (text === undefined) {
          return Promise.reject(new FileNotFoundError(path));
        }
        if (text instanceof FileAccessError) return Promise.reject(text);
        return Promise.resolve(text);
      },
      stat: (path) =>
        Promise.reject(
          closed.some((directory) => path.startsWith(directory))
            ? new FileAccessError(`stat "${path}"`, "permission denied")
            : new Error("not asked"),
        ),
    },
    signal: new AbortController().signal,
  });
}

const named = (name: string) => `[provider]\nname = "${name}"\n`;

Deno.test("findConfig() takes the first file of the search order", async () => {
  const files = {
    "flag.toml": named("flag"),
    "variable.toml": named("variable"),
    "plasmd.toml": named("here"),
    "/home/me/.config/plasm/provider.toml": named("mine"),
    "/etc/plasm/provider.toml": named("system"),
  };
  const environment = { HOME: "/home/me", PLASM_CONFIG: "variable.toml" };
  const byFlag = await search(files, environment, "flag.toml");
  assert.equal(byFlag.layer.name, "flag");
  const left: Record<string, string> = files;
  for (
    const [path, name] of [
      ["variable.toml", "variable"],
      ["plasmd.toml", "here"],
      ["/home/me/.config/plasm/provider.toml", "mine"],
      ["/etc/plasm/provider.toml", "system"],
    ] as const
  ) {
    const variables = path in left && name === "variable"
      ? environment
      : { HOME: "/home/me", PLASM_CONFIG: "" };
    const found = await search(left, variables);
    assert.equal(found.path, path);
    assert.equal(found.layer.name, name);
    delete left[path];
  }
  assert.deepEqual(await search({}, { HOME: "/home/me" }), {
    path: undefined,
    layer: {},
  });
});

Deno.test("findConfig() does without a home directory", async () => {
  const found = await search({ "/etc/plasm/provider.toml": "" }, {});
  assert.equal(found.path, "/etc/plasm/provider.toml");
});

Deno.test("findConfig() refuses a named file that does not exist", async () => {
  const files = { "plasmd.toml": named("here") };
  await assert.rejects(search(files, {}, "x.toml"), {
    name: "ConfigError",
    message:
      'Cannot use config "x.toml": no such file, it is named by --config',
  });
  await assert.rejects(search(files, { PLASM_CONFIG: "y.toml" }), {
    message:
      'Cannot use config "y.toml": no such file, it is named by $PLASM_CONFIG',
  });
});

Deno.test("findConfig() refuses a file it cannot read, rather than skip it", async () => {
  await assert.rejects(
    search({
      "plasmd.toml": new FileAccessError("read", "permission denied"),
      "/etc/plasm/provider.toml": "",
    }, {}),
    {
      name: "ConfigError",
      message:
        'Cannot use config "plasmd.toml": permission denied, make it readable for the user that plasmd runs as',
    },
  );
});

Deno.test("findConfig() skips a directory that it may not enter, unless the file is named", async () => {
  const denied = () => new FileAccessError("read", "permission denied");
  const files = {
    "plasmd.toml": denied(),
    "/home/me/.config/plasm/provider.toml": denied(),
    "/etc/plasm/provider.toml": named("system"),
  };
  const closed = ["plasmd.toml", "/home/me/"];
  const found = await search(files, { HOME: "/home/me" }, undefined, closed);
  assert.equal(found.layer.name, "system");
  await assert.rejects(
    search(files, {}, "plasmd.toml", closed),
    /Cannot use config "plasmd.toml": permission denied/,
  );
});

Deno.test("findConfig() reads nothing once it is aborted", async () => {
  await assert.rejects(
    findConfig({
      flag: "x.toml",
      environment: () => undefined,
      fileSystem: {
        readText: () => assert.fail("was read"),
        stat: () => assert.fail("was looked at"),
      },
      signal: AbortSignal.abort(new Error("stop")),
    }),
    { message: "stop" },
  );
});
