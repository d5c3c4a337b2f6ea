import assert from "node:assert/strict";
import { sleep, systemClock } from "../../../../lib/core/clock.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../../support/dht_nodes.ts";

libp2pTest("a node that is gone is not named to others any more", async () => {
  await using first = await openTestNode();
  const bootstrap = first.addresses();
  await using _second = await openTestNode({ bootstrap });
  const third = await openTestNode({ bootstrap });
  await eventually(() => first.peerCount() === 2, "they know each other");
  await third[Symbol.asyncDispose]();
  await eventually(() => first.peerCount() === 1, "the third is forgotten");
});

libp2pTest("a node that loses everybody keeps whom it knew", async () => {
  await using node = await openTestNode();
  const other = await openTestNode({ bootstrap: node.addresses() });
  await eventually(() => node.peerCount() === 1, "they know each other");
  await other[Symbol.asyncDispose]();
  await sleep(systemClock, 7000, { signal: unlimited });
  assert.equal(node.peerCount(), 1);
});
