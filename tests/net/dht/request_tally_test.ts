import assert from "node:assert/strict";
import { KadCall } from "../../../lib/net/dht/message.ts";
import { RequestTally } from "../../../lib/net/dht/request_tally.ts";

Deno.test("RequestTally counts requests by kind and by what came of them", () => {
  const tally = new RequestTally();
  assert.deepEqual(tally.list(), []);
  for (const call of Object.values(KadCall)) tally.add(call, true);
  tally.add(KadCall.putValue, false);
  tally.add(KadCall.findNode, true);
  tally.add(99, false);
  tally.add(undefined, false);
  assert.deepEqual(
    tally.list().map((one) => [one.kind, one.answered, one.count]),
    [
      ["put_value", true, 1],
      ["put_value", false, 1],
      ["get_value", true, 1],
      ["add_provider", true, 1],
      ["get_providers", true, 1],
      ["find_node", true, 2],
      ["ping", true, 1],
      ["other", false, 2],
    ],
  );
});
