import assert from "node:assert/strict";
import { systemClock as clock } from "../../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../../lib/core/dht_protocol.ts";
import { openDhtClient } from "../../../lib/net/dht/client.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../support/dht_nodes.ts";

libp2pTest(
  "a node knows both ends of its connections with other nodes, and tells of no client",
  async () => {
    await using dialled = await openTestNode({
      listen: ["/ip4/127.0.0.2/tcp/0"],
    });
    const [address = ""] = dialled.addresses();
    await using client = await openDhtClient({
      protocol: DEFAULT_DHT_PROTOCOL,
      clock,
      signal: unlimited,
    });
    const steps = client.findValues("/phase/stable/arm64/manifest", [address], {
      signal: unlimited,
    });
    let answers = 0;
    for await (const step of steps) if (step.kind === "answer") answers++;
    assert.equal(answers, 1);
    {
      await using dialling = await openTestNode();
      assert.deepEqual(dialling.connections(), []);
      assert.ok((await dialling.join(address, { signal: unlimited })).ok);
      await eventually(
        () =>
          dialling.connections().length > 0 && dialled.connections().length > 0,
        "both know that the other is a node",
      );
      assert.deepEqual(dialling.connections(), [
        { localAddress: "127.0.0.1", remoteAddress: "127.0.0.2" },
      ]);
      assert.deepEqual(dialled.connections(), [
        { localAddress: "127.0.0.2", remoteAddress: "127.0.0.1" },
      ]);
    }
    await eventually(
      () => dialled.connections().length === 0,
      "it is seen to leave",
    );
  },
);
