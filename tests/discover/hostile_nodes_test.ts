/**
 * Nodes that do harm, named before the honest one: the client has to find what
 * the honest one provides all the same, singly soon, and beside all of them
 * before its own timeout, without much memory.
 */
import assert from "node:assert/strict";
import { systemClock as clock } from "../../lib/core/clock.ts";
import { advertise, find, IMAGE, providerOf } from "../support/dht_images.ts";
import { libp2pTest, openTestNode, unlimited } from "../support/dht_nodes.ts";
import {
  HOSTILE_ANSWERS,
  type HostileAnswer,
  type HostileScene,
} from "../support/hostile_nodes.ts";
import { type CraftedPeer, openCraftedPeer } from "../support/kad_peers.ts";
import { start } from "../support/programs.ts";

/** What a booting machine may have left: with all that Deno takes itself. */
const MAX_MEMORY_BYTES = 200e6;

interface Scene extends AsyncDisposable {
  readonly honest: string;
  readonly peerId: string;
  openHostile(answer: HostileAnswer): Promise<CraftedPeer>;
}

/** An honest node that provides the image, and what hostile ones know. */
async function openScene(): Promise<Scene> {
  const closing = new AsyncDisposableStack();
  const node = closing.use(await openTestNode());
  const advertiser = closing.use(advertise(node));
  await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal: unlimited,
  });
  // It accepts connections, as the operating system does, and that is all.
  const silent = closing.use(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const honest = node.addresses()[0] ?? "";
  return {
    honest,
    peerId: node.peerId,
    async openHostile(answer) {
      let self = "";
      const scene: HostileScene = {
        image: IMAGE,
        honest,
        self: () => self,
        silent: `/ip4/127.0.0.1/tcp/${silent.addr.port}`,
      };
      const peer = closing.use(
        await openCraftedPeer((_request, stream) => answer(scene, stream)),
      );
      self = peer.address;
      return peer;
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

libp2pTest(
  "no kind of hostile node hides an honest one that is named after it",
  async () => {
    await using scene = await openScene();
    for (const [kind, answer] of Object.entries(HOSTILE_ANSWERS)) {
      const hostile = await scene.openHostile(answer);
      const startedMs = clock.monotonic();
      const found = await find(
        [hostile.address, scene.honest],
        (finding) => providerOf(finding) === scene.peerId,
      );
      const elapsedMs = clock.monotonic() - startedMs;
      assert.equal(
        providerOf(found.at(-1)),
        scene.peerId,
        `a node that ${kind}`,
      );
      assert.ok(elapsedMs < 5000, `a node that ${kind}: ${elapsedMs} ms`);
      assert.ok(hostile.requestCount() > 0, `a node that ${kind} was asked`);
    }
  },
);

libp2pTest(
  "all kinds of hostile nodes together hide no honest one that is named last",
  async () => {
    await using scene = await openScene();
    const hostile = await Promise.all(
      Object.values(HOSTILE_ANSWERS).map(scene.openHostile),
    );
    const bootstrap = [...hostile.map(({ address }) => address), scene.honest];
    const found = await find(
      bootstrap,
      (finding) => providerOf(finding) === scene.peerId,
      { timeoutMs: 25_000 },
    );
    assert.equal(providerOf(found.at(-1)), scene.peerId);

    // The program: its whole memory, until it gives up for want of a manifest.
    await using program = start("phase_discover", [
      ...["--mode", "wan", "--channel", IMAGE.channel, "--arch", IMAGE.arch],
      ...["--format", "json", "--timeout", "10"],
      ...bootstrap.flatMap((address) => ["--bootstrap", address]),
    ]);
    let memoryBytes = 0;
    while (true) {
      const status = await Deno.readTextFile(`/proc/${program.pid}/status`)
        .catch(() => "");
      const peak = /VmHWM:\s+(\d+) kB/.exec(status)?.[1];
      if (peak === undefined) break;
      memoryBytes = Number(peak) * 1024;
      await new Promise<void>((resolve) => clock.setTimer(resolve, 50));
    }
    const { stdout } = await program.ended();
    assert.ok(stdout.includes(scene.peerId), `it was tried: ${stdout}`);
    assert.ok(memoryBytes < MAX_MEMORY_BYTES, `${memoryBytes / 1e6} MB`);
  },
);
