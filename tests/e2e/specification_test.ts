/** The walk of the specification (4.5), by its own commands. */
import assert from "node:assert/strict";
import { makeSpecificationTree } from "../support/image_tree.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { programInShell } from "../support/shipped_programs.ts";

/** How `phase_discover` ended on a host, and what it printed. */
async function discover(
  host: LabHost,
  args: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const command = `${programInShell("phase_discover")} ${args}`;
  const code = await host.exec(
    ...["sh", "-c", `${command} >${path}/out 2>${path}/err; echo $?`] as const,
  );
  return {
    code: Number(code),
    stdout: await Deno.readTextFile(`${path}/out`),
    stderr: await Deno.readTextFile(`${path}/err`),
  };
}

labTest(
  "plasmd serve --artifacts DIR logs the specification's five lines, and clients find what is there alone",
  [],
  async (lab) => {
    const [server, box] = await lab.twoHosts();
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await makeSpecificationTree(`${path}/artifacts`, ["stable", "testing"]);
    const provider = server.start(
      ...["sh", "-c"] as const,
      `HOME=${path} exec ${programInShell("plasmd")} serve ` +
        `--artifacts ${path}/artifacts 2>&1`,
    );
    await provider.line("WARN Missing artifacts for testing/x86_64", 20_000);
    const first = provider.lines.findIndex((line) => line.includes("Found"));
    assert.deepEqual(provider.lines.slice(first, first + 5), [
      "INFO Found 2 channel/arch combinations",
      "INFO Advertising stable/arm64",
      "INFO Advertising testing/arm64",
      "WARN Missing artifacts for stable/x86_64",
      "WARN Missing artifacts for testing/x86_64",
    ]);

    const found = await discover(box, "--channel stable --arch arm64");
    assert.equal(found.code, 0, found.stderr);
    assert.equal(
      found.stdout,
      "MANIFEST_URL=http://10.77.0.1:8080/stable/arm64/manifest.json\n",
    );
    const missing = await discover(
      box,
      "--channel stable --arch x86_64 --timeout 10",
    );
    assert.equal(missing.code, 3, missing.stderr);
    assert.equal(missing.stdout, "");
    assert.match(missing.stderr, /stable\/arm64, testing\/arm64/);
  },
);
