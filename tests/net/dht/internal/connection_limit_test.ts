import { multiaddr } from "@multiformats/multiaddr";
import assert from "node:assert/strict";
import {
  type InboundConnection,
  limitPerHost,
} from "../../../../lib/net/dht/internal/connection_limit.ts";

class FakeConnection extends EventTarget implements InboundConnection {
  readonly remoteAddr;
  readonly status: InboundConnection["status"];

  constructor(
    host: string,
    port: number,
    status: InboundConnection["status"] = "open",
  ) {
    super();
    this.remoteAddr = multiaddr(`/ip4/${host}/tcp/${port}`);
    this.status = status;
  }
}

Deno.test("limitPerHost() refuses a host the connection after its last, until one closes", () => {
  const gater = limitPerHost(200);
  const opened = Array.from({ length: 200 }, (_, i) => {
    const connection = new FakeConnection("192.0.2.7", 1 + i);
    assert.equal(gater.denyInboundConnection(connection), false, `${i}`);
    return connection;
  });
  const next = () =>
    gater.denyInboundConnection(new FakeConnection("192.0.2.7", 999));
  assert.equal(next(), true);
  assert.equal(next(), true, "a refused one does not count, nor free a place");
  const other = new FakeConnection("192.0.2.8", 1);
  assert.equal(gater.denyInboundConnection(other), false, "another host");
  opened[17]?.dispatchEvent(new Event("close"));
  assert.equal(next(), false);
  assert.equal(next(), true);
});

Deno.test("limitPerHost() counts each close once, and what is closed already not at all", () => {
  const gater = limitPerHost(1);
  const first = new FakeConnection("192.0.2.7", 1);
  assert.equal(gater.denyInboundConnection(first), false);
  for (let i = 0; i < 3; i++) first.dispatchEvent(new Event("close"));
  const closed = new FakeConnection("192.0.2.7", 2, "closed");
  assert.equal(gater.denyInboundConnection(closed), false);
  const second = new FakeConnection("192.0.2.7", 3);
  assert.equal(gater.denyInboundConnection(second), false);
  const third = new FakeConnection("192.0.2.7", 4);
  assert.equal(gater.denyInboundConnection(third), true);
});
