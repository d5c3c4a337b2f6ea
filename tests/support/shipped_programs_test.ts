import assert from "node:assert/strict";
import { makeFiles } from "./image_tree.ts";
import { start, temporaryDirectory } from "./programs.ts";
import { programCommand, runsSource } from "./shipped_programs.ts";

Deno.test({
  name: `programs are tested ${
    runsSource
      ? "from source, with every permission"
      : "as shipped: dist/*.js with the flags of the tasks and executables"
  }`,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await makeFiles(path, { "artifacts/shipped/arm64/vmlinuz": 4096 });
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", `${path}/artifacts`, "--port", "0"],
      ...["--interface", "lo", "--no-mdns", "--no-dht"],
      ...["--state-dir", `${path}/state`],
    ]);
    await provider.line(/Found 1/);
    const started = await Deno.readTextFile(`/proc/${provider.pid}/cmdline`);
    const command = programCommand("plasmd");
    assert.deepEqual(started.split("\0").slice(0, command.length), command);
    const environment = await Deno.readTextFile(
      `/proc/${provider.pid}/environ`,
    );
    assert.ok(!environment.includes("DENO_COVERAGE_DIR"));
    assert.equal(started.includes("\0-A\0"), runsSource);
    assert.equal(started.includes("/dist/plasmd.js"), !runsSource);
  },
});
