import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** `plasmd bootstrap` on loopback. */
function meet(stateDir: string, ...more: string[]): RunningProgram {
  return start("plasmd", [
    ...["bootstrap", "--bind", "127.0.0.1", "--p2p-port", "0"],
    ...["--state-dir", stateDir, ...more],
  ]);
}

async function statusUrl(node: RunningProgram): Promise<string> {
  const [, url = ""] = await node.line(/Status on (\S+)/);
  return url;
}

async function until(
  isTrue: () => Promise<boolean>,
  what: string,
): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`not within 15 s: ${what}`);
}

Deno.test("plasmd bootstrap tells its status, and when it heard of whom", async () => {
  await using directory = await temporaryDirectory();
  await using node = meet(join(directory.path, "a"), "--port", "0");
  const url = await statusUrl(node);
  const [, address = ""] = await node.line(/DHT node (\/\S+)/);
  assert.match(address, /^\/ip4\/127\.0\.0\.1\/tcp\//);
  // The first of a network joins nobody, and is ready.
  await until(
    async () => {
      const ready = await fetch(`${url}/ready`);
      return (await ready.json()).ready === true && ready.status === 200;
    },
    "it is ready",
  );
  const status = await (await fetch(`${url}/status`)).json();
  assert.equal(status.ready, true);
  assert.deepEqual(status.images, []);
  assert.ok(address.endsWith(status.dht.peer_id));
  const peers = async () => (await (await fetch(`${url}/peers`)).json()).peers;
  assert.deepEqual(await peers(), []);
  {
    await using other = meet(
      join(directory.path, "b"),
      ...["--port", "0", "--bootstrap", address],
    );
    await other.line(/DHT node /);
    await until(async () => (await peers())[0]?.connected, "it is listed");
  }
  await until(async () => !(await peers())[0]?.connected, "it has left");
  const [left] = await peers();
  assert.ok(Date.parse(left.last_contact_at) <= Date.now());
  assert.match(left.address, /^\/ip4\/127\.0\.0\.1\/tcp\//);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^plasmd_dht_peers \d+$/m);
  const page = await fetch(url, { headers: { accept: "text/html" } });
  const text = await page.text();
  assert.match(text, /Ready/);
  assert.doesNotMatch(text, /Nothing is served|Clients/);
});

Deno.test("plasmd bootstrap that reaches none of its nodes is not ready", async () => {
  await using directory = await temporaryDirectory();
  const gone =
    "/ip4/127.0.0.1/tcp/9/p2p/12D3KooWGRUxZ5jZ2uGi5n1cDkQf7EJ1FkXb7mYq2wCkVvH4r9sT";
  await using node = meet(directory.path, "--port", "0", "--bootstrap", gone);
  const url = await statusUrl(node);
  await node.line(/DHT node /);
  await until(async () => {
    const ready = await fetch(`${url}/ready`);
    assert.equal(ready.status, 503);
    const { error } = await ready.json();
    return /none of the bootstrap nodes/.test(error);
  }, "it says why it is not ready");
});

Deno.test("the usual port of a bootstrap node's status stops no second one", async () => {
  await using directory = await temporaryDirectory();
  await using first = meet(join(directory.path, "a"));
  const url = await statusUrl(first);
  await using second = meet(join(directory.path, "b"));
  await second.line(/WARN Cannot serve the status on port 8081, taking a free/);
  assert.notEqual(await statusUrl(second), url);
  await second.line(/DHT node /);
});

Deno.test("a port of the status that was asked for and is taken is named", async () => {
  await using directory = await temporaryDirectory();
  using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String(busy.addr.port);
  await using node = meet(directory.path, "--port", port);
  const { code, stderr } = await node.ended();
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    new RegExp(`port ${port}: another program .*--port$`, "m"),
  );
});
