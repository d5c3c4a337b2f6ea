/**
 * A node that is not ours: go-libp2p's kad-dht keeps our records and gives
 * them back, and we find what it publishes. Needs Go and its modules.
 */
import assert from "node:assert/strict";
import { systemClock as clock } from "../../lib/core/clock.ts";
import type { DhtNode } from "../../lib/net/dht/node.ts";
import { parseBootRecord } from "../../lib/wire/boot_record.ts";
import { advertise, find, IMAGE } from "../support/dht_images.ts";
import { buildGoNode, GoNode, goObstacle } from "../support/go_node.ts";
import { eventually, openTestNode, unlimited } from "../support/dht_nodes.ts";

const KEY = "/phase/stable/arm64/manifest";
const GO_KEY = "/phase/testing/arm64/manifest";

const reason = await goObstacle();

async function checkTimeIsNotTold(provider: DhtNode): Promise<void> {
  const look = await provider.lookFromOutside(KEY, {
    isOwn: () => true,
    signal: unlimited,
  });
  assert.deepEqual(look, { kind: "found", clockLeadMs: undefined });
}

Deno.test({
  name: `go-libp2p keeps our records, and we find its${
    reason === undefined ? "" : ` (skipped: ${reason})`
  }`,
  ignore: reason !== undefined,
  // libp2p leaves things open, see tests/support/dht_nodes.ts.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const directory = await Deno.makeTempDir();
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => Deno.remove(directory, { recursive: true }));
    const executable = `${directory}/go_kad_dht`;
    await buildGoNode(executable);
    await using go = new GoNode(executable);
    const hello = await go.answer();
    const bootstrap = hello.addresses ?? [];

    await using provider = await openTestNode({ bootstrap });
    await using advertiser = advertise(provider);

    await t.step("it keeps a record of ours", async () => {
      const one = { image: IMAGE, version: "1" };
      const published = await advertiser.publish(one, { signal: unlimited });
      assert.deepEqual(published, { ok: true, value: undefined });
    });

    await t.step("it gives the record back, found valid", async () => {
      const { value, error } = await go.command({ do: "get", key: KEY });
      assert.equal(error, undefined);
      const record = await parseBootRecord(
        KEY,
        new TextEncoder().encode(value),
        { now: clock.now() },
      );
      assert.ok(record.ok && record.value.peerId === provider.peerId);
    });

    await t.step(
      "it knows us as a provider, and tells us no time",
      async () => {
        await eventually(async () => {
          const { peers } = await go.command({ do: "providers", key: KEY });
          return peers?.includes(provider.peerId) === true;
        }, "our provider record is there");
        await checkTimeIsNotTold(provider);
      },
    );

    await t.step("our client finds our record through it", async () => {
      const found = await find(bootstrap, (f) => f.kind === "candidate");
      assert.equal(found.at(-1)?.kind, "candidate");
    });

    await t.step("it takes no forgery from us", async () => {
      const outcome = await provider.publish(
        GO_KEY,
        new TextEncoder().encode("{}"),
        { ttlSeconds: 60, signal: unlimited },
      );
      assert.equal(outcome.storedAt, 0);
      await provider.withdraw(GO_KEY);
    });

    await t.step("what it publishes is kept and found by us", async () => {
      const url = "http://127.0.0.1:9090/testing/arm64/manifest.json?a=<1>&b";
      for (const does of ["put", "provide"]) {
        const said = await go.command({ do: does, key: GO_KEY, url });
        assert.equal(said.error, undefined);
      }
      const found = await find(
        provider.addresses(),
        (f) => f.kind === "candidate",
        { image: { channel: "testing", arch: "arm64" } },
      );
      const last = found.at(-1);
      assert.ok(last?.kind === "candidate");
      assert.deepEqual(last.candidate, {
        manifestUrl: new URL(url),
        image: { channel: "testing", arch: "arm64" },
        version: "go-1",
        source: "dht",
        providerName: "go <node> & co",
        peerId: hello.peer_id,
      });
    });
  },
});
