import assert from "node:assert/strict";
import {
  busyProvider,
  errorOf,
  httpFixture,
  request,
  silentProvider,
} from "../../support/http_fixture.ts";

Deno.test("/ready names what can be found", async () => {
  const fixture = await httpFixture();
  fixture.status = busyProvider();
  const response = await request(fixture, "/ready");
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    ready: true,
    images: ["stable/arm64"],
  });
});

Deno.test("/ready is content with serving when discovery is off, and says so", async () => {
  const response = await request(await httpFixture(), "/ready");
  assert.deepEqual(await response.json(), {
    ready: true,
    images: ["stable/arm64", "testing/x86_64"],
    warning:
      "mDNS and DHT are off: only clients that are given the URL find the images",
  });
});

Deno.test("/ready is 503 while nothing is served", async () => {
  const fixture = await httpFixture();
  fixture.catalog.set([]);
  const response = await request(fixture, "/ready");
  assert.equal(response.status, 503);
  assert.equal(await errorOf(response), "Not ready: nothing is served");
});

Deno.test("/ready is 503 while nothing can be found", async () => {
  const fixture = await httpFixture();
  fixture.status = { ...silentProvider(), advertisers: ["mDNS", "DHT"] };
  const response = await request(fixture, "/ready");
  assert.equal(response.status, 503);
  assert.equal(
    await errorOf(response),
    "Not ready: stable/arm64, testing/x86_64 served, but not found by mDNS or DHT yet",
  );
});
