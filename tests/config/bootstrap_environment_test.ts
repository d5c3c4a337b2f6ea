import assert from "node:assert/strict";
import { bootstrapFromEnvironment } from "../../lib/config/bootstrap_environment.ts";
import { UsageError } from "../../lib/core/errors.ts";

function named(value: string | undefined): string[] {
  return bootstrapFromEnvironment((name) =>
    name === "PHASE_BOOTSTRAP" ? value : undefined
  );
}

Deno.test("bootstrapFromEnvironment() takes several nodes, and none", () => {
  assert.deepEqual(named(undefined), []);
  assert.deepEqual(named(" "), []);
  assert.deepEqual(
    named("/ip4/192.0.2.1/tcp/4001, /dnsaddr/boot.example.org\n"),
    ["/ip4/192.0.2.1/tcp/4001", "/dnsaddr/boot.example.org"],
  );
});

Deno.test("bootstrapFromEnvironment() names what is no multiaddr", () => {
  assert.throws(
    () => named("/ip4/192.0.2.1/tcp/4001 garbage"),
    (error) =>
      error instanceof UsageError &&
      /"garbage" of PHASE_BOOTSTRAP/.test(error.message),
  );
});
