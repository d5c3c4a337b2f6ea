import assert from "node:assert/strict";
import { neighbourClocks } from "../../lib/doctor/neighbour_clocks.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  E0,
  HEALTHY,
  instanceAt,
  PROVIDER,
  statusOf,
} from "../support/doctor_observations.ts";

const { signal } = new AbortController();

async function clocksOf(...heard: ReturnType<typeof instanceAt>[]) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const clocks = await neighbourClocks(
    [{ link: E0, isOwnCopyHeard: true, heard }],
    HEALTHY,
    {
      clock,
      fetchStatus(url) {
        asked.push(url);
        return url.includes("10.77.0.9")
          ? Promise.resolve(
            JSON.stringify(
              statusOf({ ...PROVIDER, timeMs: clock.now() + 7000 }),
            ),
          )
          : Promise.reject(new Error("gone"));
      },
    },
    { signal },
  );
  return { clocks, asked };
}

Deno.test("neighbourClocks() asks other providers where they are heard, each once", async () => {
  const other = instanceAt("10.77.0.9");
  const { clocks, asked } = await clocksOf(
    ...[instanceAt("10.77.0.1"), other, other],
    instanceAt("10.77.0.8"),
    instanceAt("192.0.2.1", { source: "10.77.0.7", port: 81 }),
  );
  assert.deepEqual(asked, [
    "http://10.77.0.9:8080",
    "http://10.77.0.8:8080",
    "http://10.77.0.7:81",
  ]);
  assert.deepEqual(clocks, [{ url: "http://10.77.0.9:8080", aheadMs: 7000 }]);
});

Deno.test("neighbourClocks() asks a few, however many are heard, and none that no URL names", async () => {
  const many = Array.from(
    { length: 50 },
    (_, i) => instanceAt(`10.77.1.${i}`),
  );
  assert.equal((await clocksOf(...many)).asked.length, 5);
  const odd = instanceAt("fe80::9", { source: "fe80::9%2" });
  const portless = { ...instanceAt("10.77.0.9"), port: undefined };
  assert.deepEqual((await clocksOf(odd, portless)).asked, []);
});
