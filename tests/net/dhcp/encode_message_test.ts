import assert from "node:assert/strict";
import { encodeDhcp } from "../../../lib/net/dhcp/encode_message.ts";
import { bootRequest } from "../../support/dhcp_requests.ts";

Deno.test("a short packet has the 300 bytes of BOOTP", () => {
  const encoded = encodeDhcp({ ...bootRequest(), options: new Map() });
  assert.ok(encoded.ok);
  assert.equal(encoded.value.length, 300);
  assert.equal(encoded.value[240], 255);
});

Deno.test("an option over 255 bytes goes in pieces", () => {
  const data = new Uint8Array(260).fill(7);
  const encoded = encodeDhcp({
    ...bootRequest(),
    options: new Map([[67, data]]),
  });
  assert.ok(encoded.ok);
  assert.deepEqual([...encoded.value.subarray(240, 242)], [67, 255]);
  assert.deepEqual([...encoded.value.subarray(497, 499)], [67, 5]);
});

Deno.test("what does not fit into 576 bytes with its headers is refused", () => {
  const packet = (bytes: number) =>
    encodeDhcp({
      ...bootRequest(),
      options: new Map([[67, new Uint8Array(bytes)]]),
    });
  // 240 bytes, twice code and length, and the end.
  const most = packet(548 - 240 - 4 - 1);
  assert.ok(most.ok);
  assert.equal(most.value.length, 548);
  assert.ok(!packet(548 - 240 - 4).ok);
});

Deno.test("a name that its field cannot hold with a zero is refused", () => {
  const { ok } = encodeDhcp({
    ...bootRequest(),
    bootFile: new Uint8Array(128),
  });
  assert.ok(!ok);
  assert.ok(encodeDhcp({ ...bootRequest(), bootFile: new Uint8Array(127) }).ok);
  const named = { ...bootRequest(), serverName: new Uint8Array(64) };
  assert.ok(!encodeDhcp(named).ok);
});
