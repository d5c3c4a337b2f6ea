import assert from "node:assert/strict";
import {
  hasIpv6,
  type Listen,
  openListeners,
} from "../../../lib/net/http1/listeners.ts";

/** A system, and what is bound in it: `::1 80`. */
class System {
  readonly bound = new Set<string>();
  readonly #refuses: (hostname: string, port: number) => string | undefined;
  #nextPort = 40_000;

  constructor(
    refuses: (hostname: string, port: number) => string | undefined = () =>
      undefined,
    readonly isDualStack = true,
  ) {
    this.#refuses = refuses;
  }

  readonly listen: Listen = ({ hostname, port }) => {
    const taken = port === 0 ? this.#nextPort++ : port;
    const key = `${hostname} ${taken}`;
    const isTaken = this.bound.has(key) ||
      (this.isDualStack && this.bound.has(`:: ${taken}`));
    const code = isTaken ? "EADDRINUSE" : this.#refuses(hostname, taken);
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    this.bound.add(key);
    const listener: Partial<Deno.TcpListener> = {
      addr: { transport: "tcp", hostname, port: taken },
      close: () => this.bound.delete(key),
    };
    // Nothing else of it is used.
    return listener as Deno.TcpListener;
  };
}

Deno.test("openListeners() binds one socket where it takes both families", () => {
  const system = new System();
  openListeners("::", 80, system.listen);
  assert.deepEqual([...system.bound], [":: 80"]);
  openListeners("192.0.2.1", 81, system.listen);
  assert.deepEqual([...system.bound], [":: 80", "192.0.2.1 81"]);
});

Deno.test("openListeners() binds one socket for each family where IPv6 takes no IPv4", () => {
  const system = new System(undefined, false);
  const [first, second, ...rest] = openListeners("::", 0, system.listen);
  assert.deepEqual(rest, []);
  assert.equal(first.addr.hostname, "::");
  assert.equal(second?.addr.hostname, "0.0.0.0");
  assert.equal(second?.addr.port, first.addr.port);
  assert.equal(system.bound.size, 2);
});

Deno.test("openListeners() leaves nothing bound when one of the two is another's", () => {
  const system = new System(
    (hostname, port) =>
      hostname === "0.0.0.0" && port === 80 ? "EADDRINUSE" : undefined,
    false,
  );
  assert.throws(() => openListeners("::", 80, system.listen), /EADDRINUSE/);
  assert.deepEqual([...system.bound], []);
});

Deno.test("hasIpv6() is false where sockets of IPv6 cannot be had", () => {
  const system = new System((hostname) =>
    hostname.includes(":") ? "EAFNOSUPPORT" : undefined
  );
  assert.equal(hasIpv6(system.listen), false);
  assert.equal(hasIpv6(new System().listen), true);
  assert.equal(system.bound.size, 0);
});

Deno.test("openListeners() takes clients of both families on this machine", async () => {
  const listeners = openListeners("::", 0);
  const [{ addr: { port } }] = listeners;
  for (const hostname of hasIpv6() ? ["127.0.0.1", "::1"] : ["127.0.0.1"]) {
    using client = await Deno.connect({ hostname, port });
    assert.equal(client.remoteAddr.hostname, hostname);
  }
  for (const listener of listeners) listener.close();
});
