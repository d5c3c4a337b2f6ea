/** Which sockets a provider opens. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { start, temporaryDirectory } from "../support/programs.ts";

const isLinux = Deno.build.os === "linux";

/** The sockets of a process that listen, or that receive datagrams. */
async function openSockets(pid: number): Promise<string[]> {
  const inodes = new Set<string>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`)
      .catch(() => ""); // closed meanwhile
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  const sockets: string[] = [];
  for (const table of ["tcp", "tcp6", "udp", "udp6"]) {
    const text = await Deno.readTextFile(`/proc/${pid}/net/${table}`);
    for (const line of text.trim().split("\n").slice(1)) {
      const [, local = "", , state, , , , , , inode = ""] = line.trim()
        .split(/\s+/);
      const isListening = state === "0A" || table.startsWith("udp");
      if (!inodes.has(inode) || !isListening) continue;
      sockets.push(`${table} ${parseInt(local.split(":")[1] ?? "", 16)}`);
    }
  }
  return sockets;
}

Deno.test({
  name: `plasmd serve opens the sockets that are asked for${
    isLinux ? "" : " (skipped: they are read from Linux's /proc)"
  }`,
  ignore: !isLinux,
  async fn() {
    await using directory = await temporaryDirectory();
    const artifacts = join(directory.path, "artifacts");
    await makeFiles(artifacts, { "stable/arm64/vmlinuz": 10 });
    const serve = (state: string, ...args: string[]) =>
      start("plasmd", [
        ...["serve", "--artifacts", artifacts, "--interface", "lo"],
        ...["--channel", "stable", "--arch", "arm64", "--port", "0"],
        ...["--p2p-port", "0", "--no-mdns", ...args],
        ...["--state-dir", join(directory.path, state)],
      ]);
    await using without = serve("without", "--no-dht");
    const [, httpPort] = await without.line(/Serving on http:\S+:(\d+)/);
    await without.line(/Found 1 channel/);
    assert.deepEqual(await openSockets(without.pid), [`tcp ${httpPort}`]);

    // The same look at one with a DHT node, or nothing would be shown.
    await using withDht = serve("with");
    const [, dhtPort] = await withDht.line(/DHT node \/ip4\/\S+\/tcp\/(\d+)\//);
    assert.ok(
      (await openSockets(withDht.pid)).includes(`tcp ${dhtPort}`),
    );
  },
});
