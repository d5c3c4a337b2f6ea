import assert from "node:assert/strict";
import { failureReason } from "../../../../lib/net/dht/internal/failure.ts";

function named(name: string, message = "x"): Error {
  return Object.assign(new Error(message), { name });
}

Deno.test("failureReason() says what libp2p means", () => {
  const cases: [unknown, string][] = [
    [
      new Error("connect ECONNREFUSED 127.0.0.1:1 - Local (undefined)"),
      "connection refused",
    ],
    [new Error("connect EHOSTUNREACH 192.0.2.1:1"), "no route to it"],
    [new Error("getaddrinfo ENOTFOUND x.invalid"), "its name does not resolve"],
    [named("TimeoutError"), "no answer in time"],
    [new DOMException("time is up", "TimeoutError"), "no answer in time"],
    [
      named("UnsupportedProtocolError", "Protocol selection failed - x"),
      "it does not speak this DHT's protocol",
    ],
    [named("StreamResetError"), "it closed the connection"],
    [named("UnexpectedEOFError"), "it closed the connection"],
    [
      new Error("Payload identity key 12D3a does not match expected 12D3b"),
      "another peer ID answers there",
    ],
    [
      new AggregateError([
        new Error("connect ECONNREFUSED a"),
        new Error("connect ECONNREFUSED b"),
        named("TimeoutError"),
      ]),
      "connection refused, no answer in time",
    ],
    [new Error("something\nelse"), "something?else"],
    ["not an error", "not an error"],
  ];
  for (const [error, reason] of cases) {
    assert.equal(failureReason(error), reason);
  }
});
