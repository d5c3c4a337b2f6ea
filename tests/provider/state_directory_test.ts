import assert from "node:assert/strict";
import {
  defaultStateDirectory,
  signingKeyPath,
} from "../../lib/provider/state_directory.ts";

function directoryIn(environment: Readonly<Record<string, string>>): string {
  return defaultStateDirectory((name) => environment[name]);
}

Deno.test("defaultStateDirectory() takes systemd's before all others", () => {
  const environment = { XDG_STATE_HOME: "/xdg", HOME: "/home/a" };
  assert.equal(
    directoryIn({ STATE_DIRECTORY: "/var/lib/x", ...environment }),
    "/var/lib/x",
  );
  // StateDirectory= may name several, with colons in between.
  assert.equal(
    directoryIn({ STATE_DIRECTORY: "/var/lib/x:/var/lib/y", ...environment }),
    "/var/lib/x",
  );
  assert.equal(
    directoryIn({ STATE_DIRECTORY: "", ...environment }),
    "/xdg/plasmd",
  );
});

Deno.test("defaultStateDirectory() ignores a relative XDG_STATE_HOME, as XDG asks", () => {
  assert.equal(
    directoryIn({ XDG_STATE_HOME: "state", HOME: "/home/a" }),
    "/home/a/.local/state/plasmd",
  );
});

Deno.test("defaultStateDirectory() is below HOME, or in /var/lib without one", () => {
  assert.equal(
    directoryIn({ HOME: "/home/a" }),
    "/home/a/.local/state/plasmd",
  );
  assert.equal(directoryIn({ HOME: "" }), "/var/lib/plasmd");
  assert.equal(directoryIn({}), "/var/lib/plasmd");
});

Deno.test("signingKeyPath() is in the state directory", () => {
  assert.equal(signingKeyPath("/state"), "/state/signing.key");
});
