/**
 * One host that fills what nodes keep, as fast as it can, for some seconds:
 * `deno task sim flood --seconds=600` does the same for long, with programs.
 */
import assert from "node:assert/strict";
import { sleep, systemClock as clock } from "../../../lib/core/clock.ts";
import type { HostileSettings } from "../../sim/hostile_process.ts";
import { withOwnAddress } from "../../sim/own_address.ts";
import {
  advertise,
  find,
  IMAGE,
  providerOf,
} from "../../support/dht_images.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../support/dht_nodes.ts";

function openAt(host: string, bootstrap: string[] = []) {
  const listen = [`/ip4/${host}/tcp/0`];
  return withOwnAddress(host, () => openTestNode({ listen, bootstrap }));
}

libp2pTest(
  "nodes come to know each other through the one that all have joined",
  async () => {
    await using first = await openAt("127.3.0.1");
    await using second = await openAt("127.3.0.2", first.addresses());
    await using third = await openAt("127.3.0.3", first.addresses());
    await eventually(
      () => [first, second, third].every((node) => node.peerCount() === 2),
      "each knows both others",
      30_000,
    );
  },
);

libp2pTest(
  "newcomers are found through any node while one host floods them all",
  async () => {
    await using first = await openAt("127.2.0.1");
    await using second = await openAt("127.2.0.2", first.addresses());
    await using third = await openAt("127.2.0.3", first.addresses());
    const nodes = [first, second, third];
    const settings: HostileSettings = {
      role: "flood",
      host: "127.66.0.2",
      count: 4,
      targets: nodes.flatMap((node) => node.addresses()),
    };
    const script = new URL("../../sim/hostile_process.ts", import.meta.url);
    await using _flood = endedAtLast(
      new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-check",
          script.pathname,
          JSON.stringify(settings),
        ],
        stdin: "piped",
        stdout: "null",
        stderr: "null",
      }).spawn(),
    );
    await sleep(clock, 5000, { signal: unlimited });
    for (const [i, node] of nodes.entries()) {
      await using newcomer = await openAt(`127.2.1.${i + 1}`, node.addresses());
      await using advertiser = advertise(newcomer);
      await eventually(() => newcomer.peerCount() > 0, "it has joined", 30_000);
      await advertiser.publish({ image: IMAGE, version: "1" }, {
        signal: unlimited,
      });
      const asked = nodes[(i + 1) % nodes.length]?.addresses() ?? [];
      const found = await find(
        asked,
        (finding) => providerOf(finding) === newcomer.peerId,
        { timeoutMs: 15_000 },
      );
      assert.equal(providerOf(found.at(-1)), newcomer.peerId);
    }
  },
);

function endedAtLast(child: Deno.ChildProcess): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.stdin.close().catch(() => {}); // it is gone
      await child.status;
    },
  };
}
