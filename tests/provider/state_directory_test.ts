import assert from "node:assert/strict";
import { UserError } from "../../lib/core/errors.ts";
import { FileAccessError } from "../../lib/core/file_system.ts";
import {
  defaultStateDirectory,
  openStateDirectory,
  signingKeyPath,
} from "../../lib/provider/state_directory.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

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

Deno.test("openStateDirectory() lets one in at a time, and names who is in", async () => {
  const machine = {
    fileSystem: new MemoryFileSystem(),
    logger: new MemoryLogger(),
  };
  {
    using _state = await openStateDirectory("/state", machine);
    await assert.rejects(openStateDirectory("/state", machine), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /"\/state".*process \d+.*--state-dir/);
      return true;
    });
  }
  using _again = await openStateDirectory("/state", machine);
  assert.deepEqual(machine.logger.lines, []);
});

Deno.test("openStateDirectory() goes on with a warning where nothing can be locked", async () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.lock = () => Promise.reject(new Error("Cannot lock"));
  const logger = new MemoryLogger();
  using _state = await openStateDirectory("/state", { fileSystem, logger });
  assert.match(logger.lines.join(), /^WARN Cannot lock; .*"\/state"$/);
});

/** A disk that takes nothing, whose error is the system's. */
function unwritable(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem().file("/state/signing.key");
  const full = () => Promise.reject(new Error("no space left"));
  fileSystem.lock = full;
  fileSystem.writeAtomically = full;
  fileSystem.makeDirectory = full;
  return fileSystem;
}

Deno.test("openStateDirectory() gives one warning where nothing can be written, and no more of it", async () => {
  const logger = new MemoryLogger();
  const machine = { fileSystem: unwritable(), logger };
  using state = await openStateDirectory("/state", machine);
  assert.equal(logger.lines.length, 1);
  assert.match(
    logger.lines[0] ?? "",
    /^WARN Cannot write to the state directory: no space left; .*no other provider uses "\/state"$/,
  );
  state.stateLogger.warn("a digest is not kept");
  state.stateLogger.error("a bug");
  assert.deepEqual(logger.lines.slice(1), [
    "DEBUG a digest is not kept",
    "ERROR a bug",
  ]);
});

Deno.test("openStateDirectory() refuses a path that is no directory", async () => {
  const fileSystem = unwritable();
  fileSystem.makeDirectory = () =>
    Promise.reject(new FileAccessError("make", "a file is in the way"));
  await assert.rejects(
    openStateDirectory("/state", { fileSystem, logger: new MemoryLogger() }),
    FileAccessError,
  );
});

Deno.test("openStateDirectory() leaves a directory that can be written to as it was", async () => {
  const fileSystem = new MemoryFileSystem();
  const logger = new MemoryLogger();
  using state = await openStateDirectory("/state", { fileSystem, logger });
  state.stateLogger.warn("a digest is not kept");
  assert.deepEqual(logger.lines, ["WARN a digest is not kept"]);
  const names = (await fileSystem.list("/state")).map(({ name }) => name);
  assert.deepEqual(names, ["lock"]);
});

Deno.test("openStateDirectory() removes what a killed provider was writing, and nothing else", async () => {
  const logger = new MemoryLogger();
  const uuid = crypto.randomUUID();
  const fileSystem = new MemoryFileSystem()
    .file(`/state/digests.json.${uuid}.tmp`)
    .file(`/state/manifests/stable/arm64.json.${uuid}.tmp`)
    .file("/state/manifests/stable/arm64.json")
    .file("/state/notes.tmp");
  using _state = await openStateDirectory("/state", { fileSystem, logger });
  assert.deepEqual(
    (await fileSystem.list("/state")).map(({ name }) => name).sort(),
    ["lock", "manifests", "notes.tmp"],
  );
  assert.deepEqual(
    await fileSystem.list("/state/manifests/stable"),
    [{ name: "arm64.json", kind: "file" }],
  );
});
