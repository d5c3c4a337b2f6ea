import assert from "node:assert/strict";
import { systemClock } from "../../lib/core/clock.ts";
import { askAsStranger } from "../../lib/doctor/mdns_stranger.ts";
import type { Link } from "../../lib/net/interfaces.ts";
import { addressOn } from "../support/doctor_observations.ts";
import { advertiseOnLan } from "../support/lan_server.ts";

// What is in its way is tested where there are networks: e2e/doctor_test.ts.

const LO: Link = {
  interfaceName: "lo",
  family: 4,
  addresses: [addressOn("lo", "127.0.0.1")],
};

Deno.test("askAsStranger() hears its own question, and what our responder answers", async () => {
  const image = { channel: `stranger-${Deno.pid}`, arch: "arm64" };
  await using _provider = await advertiseOnLan("stranger", image, 8080);
  const isOurs = ({ name }: { readonly name: string }) =>
    name.includes(image.channel);
  const { isOwnCopyHeard, heard, trouble } = await askAsStranger(LO, {
    clock: systemClock,
    links: [LO],
    isEnough: (heard) => heard.some(isOurs),
    signal: new AbortController().signal,
  });
  assert.deepEqual({ isOwnCopyHeard, trouble }, {
    isOwnCopyHeard: true,
    trouble: undefined,
  });
  const ours = heard.find(isOurs);
  assert.equal(ours?.port, 8080);
  assert.deepEqual(ours?.addresses, ["127.0.0.1"]);
});

Deno.test("askAsStranger() says why it cannot ask, and ends with its signal", async () => {
  const nowhere = { ...LO, addresses: [addressOn("lo", "192.0.2.77")] };
  const stop = new AbortController();
  const options = { clock: systemClock, links: [LO], isEnough: () => true };
  const { isOwnCopyHeard } = await askAsStranger(nowhere, {
    ...options,
    signal: stop.signal,
  });
  assert.equal(isOwnCopyHeard, false);
  const reason = new Error("not wanted any more");
  stop.abort(reason);
  await assert.rejects(
    askAsStranger(LO, { ...options, signal: stop.signal }),
    reason,
  );
});

Deno.test("askAsStranger() leaves out what came over another link", async () => {
  const image = { channel: `beside-${Deno.pid}`, arch: "arm64" };
  await using _provider = await advertiseOnLan("beside", image, 8080);
  const link = {
    ...LO,
    addresses: [{ ...addressOn("lo", "127.0.0.2"), prefixLength: 32 }],
  };
  const other = {
    ...LO,
    interfaceName: "e0",
    addresses: LO.addresses.map((one) => ({ ...one, interfaceName: "e0" })),
  };
  const hears = async (links: readonly Link[]) => {
    const { heard } = await askAsStranger(link, {
      clock: systemClock,
      links,
      isEnough: (heard) =>
        heard.some(({ name }) => name.includes(image.channel)),
      signal: new AbortController().signal,
    });
    return heard.some(({ name }) => name.includes(image.channel));
  };
  assert.equal(await hears([link]), true);
  assert.equal(await hears([link, other]), false);
});
