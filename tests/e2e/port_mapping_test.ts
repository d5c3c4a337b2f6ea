/** `plasmd serve --port-mapping` behind a router that speaks UPnP. */
import assert from "node:assert/strict";
import { labTest } from "../support/network_lab.ts";
import { programInShell } from "../support/shipped_programs.ts";

/** A provider that asks the router of its LAN to map ports. */
function mappingProvider(directory: string): string {
  return `exec ${
    programInShell("plasmd")
  } serve --artifacts ${directory} --no-mdns ` +
    `--state-dir ${directory}/state --interface e0 --port 8080 ` +
    `--p2p-port 4001 --port-mapping 2>&1`;
}

labTest("a provider maps its ports and says so in the DHT", [], async (lab) => {
  const lan = await lab.lan("home");
  const router = await lab.hostOn(lan, "10.77.0.1/24");
  const provider = await lab.hostOn(lan, "10.77.0.2/24");
  const client = await lab.hostOn(lan, "10.77.0.3/24");
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/stable/arm64`, { recursive: true });
    await Deno.writeTextFile(`${directory}/stable/arm64/vmlinuz`, "kernel");
    const mappings = router.startDeno("upnp_router.ts", "10.77.0.1");
    await mappings.line("[]");
    const serve = provider.start("sh", "-c", mappingProvider(directory));
    await serve.line(
      "INFO Reachable from the internet as 203.0.113.7, TCP ports 8080, 4001",
    );
    assert.equal(mappings.lines.at(-1), "[8080,4001]");

    // The provider looks at its address every few seconds. Nobody answers at
    // the new one here: what the client tried tells what it was told.
    const tried = await client.exec(
      "sh",
      "-c",
      `sleep 6; ${programInShell("phase_discover")} --mode wan --timeout 5 ` +
        `--channel stable --arch arm64 --bootstrap /ip4/10.77.0.2/tcp/4001 2>&1 || true`,
    );
    assert.match(tried, /203\.0\.113\.7:8080/);

    await serve.end("SIGTERM");
    assert.equal(mappings.lines.at(-1), "[]");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

labTest(
  "a provider says that its router keeps mappings for ever, and takes them back",
  [],
  async (lab) => {
    const lan = await lab.lan("home");
    const router = await lab.hostOn(lan, "10.77.0.1/24");
    const provider = await lab.hostOn(lan, "10.77.0.2/24");
    const directory = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${directory}/stable/arm64`, { recursive: true });
      await Deno.writeTextFile(`${directory}/stable/arm64/vmlinuz`, "kernel");
      const mappings = router.startDeno(
        "upnp_router.ts",
        "10.77.0.1",
        "permanent",
      );
      await mappings.line("[]");
      const serve = provider.start("sh", "-c", mappingProvider(directory));
      await serve.line("WARN The router supports permanent mappings only");
      assert.equal(mappings.lines.at(-1), "[8080,4001]");
      await serve.end("SIGTERM");
      assert.equal(mappings.lines.at(-1), "[]");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
