/** The DHT between machines that have addresses of the internet. */
import assert from "node:assert/strict";
import type { ClientSettings } from "../sim/client_process.ts";
import type {
  NodeProcessReady,
  NodeProcessSettings,
} from "../sim/node_process.ts";
import type { LabProgram } from "../support/lab_program.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";

const IMAGE = { channel: "stable", arch: "arm64" };

function start(
  host: LabHost,
  module: string,
  settings: NodeProcessSettings | ClientSettings,
): LabProgram {
  return host.start(
    Deno.execPath(),
    ...["run", "-A", "--quiet", "--no-check"],
    new URL(`../sim/${module}`, import.meta.url).pathname,
    JSON.stringify(settings),
  );
}

async function startNode(
  host: LabHost,
  settings: Partial<NodeProcessSettings>,
): Promise<NodeProcessReady> {
  const program = start(host, "node_process.ts", {
    nodes: 1,
    listen: "/ip4/0.0.0.0/tcp/0",
    bootstrap: [],
    images: [],
    ttlSeconds: 3600,
    isHostile: false,
    ...settings,
  });
  return JSON.parse(await program.line("addresses"));
}

labTest(
  "machines with public addresses tell each other of them",
  [],
  async (lab) => {
    // libp2p by itself keeps quiet about a public address that nobody confirmed.
    const internet = await lab.lan("internet");
    const bootstrapHost = await lab.hostOn(internet, "1.2.3.4/24");
    const providerHost = await lab.hostOn(internet, "1.2.3.5/24");
    const clientHost = await lab.hostOn(internet, "1.2.3.6/24");

    const node = await startNode(bootstrapHost, {});
    const bootstrap = node.addresses;
    assert.match(bootstrap[0] ?? "", /^\/ip4\/1\.2\.3\.4\/tcp\//);
    const provider = await startNode(providerHost, {
      bootstrap,
      images: [IMAGE],
    });
    assert.deepEqual(provider.storedAt, [1]);

    const client = start(clientHost, "client_process.ts", {
      image: IMAGE,
      bootstrap,
      wanted: provider.peerIds,
      isAllWanted: true,
      timeoutMs: 10_000,
    });
    const { found } = JSON.parse(await client.line("found"));
    assert.deepEqual(found, provider.peerIds);
  },
);
