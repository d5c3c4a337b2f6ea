import assert from "node:assert/strict";
import { systemClock } from "../../lib/core/clock.ts";
import { UserError } from "../../lib/core/errors.ts";
import { VERSION } from "../../lib/core/version.ts";
import { createMachines, NOTHING_SAID } from "../../lib/machines/machines.ts";
import type { HttpServer } from "../../lib/net/http1/server.ts";
import type { Discovery } from "../../lib/provider/discovery_status.ts";
import { ImageLibrary } from "../../lib/provider/image_library.ts";
import { bindHttpServer, openHttp } from "../../lib/provider/open_http.ts";
import { httpFixture } from "../support/http_fixture.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import {
  MEMORY_CONFIG,
  type MemoryMachine,
  memoryMachine,
} from "../support/provider_machine.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const { signal } = new AbortController();
const key = await testSigningKey(1);

function openLibrary(
  machine: MemoryMachine,
): ImageLibrary {
  return new ImageLibrary({
    scan: MEMORY_CONFIG,
    stateDir: MEMORY_CONFIG.stateDir,
    loadSigners: () => Promise.resolve([key]),
    expiresDays: 30,
    ...machine,
  });
}

const machines = createMachines(NOTHING_SAID, {
  now: () => 0,
  say: (line) => assert.fail(line),
});
const scrub = () => ({ doneBytes: 0, totalBytes: 7, differingCount: 0 });

Deno.test("openHttp() serves the library, and tells how the network is told at the moment", async () => {
  const machine = memoryMachine();
  const library = openLibrary(machine);
  let discovery: Discovery = {};
  const config = {
    ...MEMORY_CONFIG,
    mdns: { ...MEMORY_CONFIG.mdns, enabled: true },
  };
  await using http = openHttp(config, machine, {
    library,
    settings: () => config,
    machines,
    discovery: () => discovery,
    scrub,
  });
  const base = `http://${http.hostname}:${http.port}`;
  assert.deepEqual(machine.logger.lines, [`INFO Serving on ${base}`]);
  const get = async (path: string) => await (await fetch(base + path)).json();
  await library.refresh({ signal });
  const status = await get("/status");
  const { name, version, images, scrub: scrubbed } = status;
  assert.deepEqual({ name, version }, { name: "box", version: VERSION });
  assert.deepEqual(status.http, { address: http.hostname, port: http.port });
  assert.deepEqual(status.mdns.interfaces, config.interfaces);
  assert.equal(scrubbed.total_bytes, 7);
  assert.equal(images[0].advertised[0].published, false);
  discovery = { mdns: { isPublished: () => true, links: () => [] } };
  const later = await get("/status");
  assert.equal(later.images[0].advertised[0].published, true);
  const manifest = await get("/stable/arm64/manifest.json");
  assert.equal(manifest.signatures[0].keyid, key.publicKey.keyId);
});

Deno.test("openHttp() logs each download that has ended, for operators while the settings ask for it", async () => {
  const machine = memoryMachine();
  const library = openLibrary(machine);
  let settings = MEMORY_CONFIG;
  await using http = openHttp(settings, machine, {
    library,
    settings: () => settings,
    machines,
    discovery: () => ({}),
    scrub,
  });
  await library.refresh({ signal });
  const url = `http://${http.hostname}:${http.port}/stable/arm64/kernel`;
  const download = async () => {
    const said = machine.logger.lines.length;
    const { length } = await (await fetch(url)).bytes();
    while (machine.logger.lines.length === said) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return machine.logger.lines.slice(said)
      .map((line) => line.replace(`${length} bytes`, "all bytes"));
  };
  const line = "Sent stable/arm64/vmlinuz to 127.0.0.1: all bytes in 0.0 s";
  assert.deepEqual(await download(), [`DEBUG ${line}`]);
  settings = { ...settings, http: { ...settings.http, accessLog: true } };
  assert.deepEqual(await download(), [`INFO ${line}`]);
});

Deno.test("openHttp() refuses a port that is taken, as something to mend", async () => {
  const machine = memoryMachine();
  const parts = {
    library: openLibrary(machine),
    settings: () => MEMORY_CONFIG,
    machines,
    discovery: () => ({}),
    scrub,
  };
  await using first = openHttp(MEMORY_CONFIG, machine, parts);
  assert.throws(
    () => openHttp({ ...MEMORY_CONFIG, port: first.port }, machine, parts),
    UserError,
  );
});

const { handler } = await httpFixture();

function bind(options: { port?: number; hostname?: string } = {}): HttpServer {
  return bindHttpServer({
    handler,
    hostname: "127.0.0.1",
    port: 0,
    clock: systemClock,
    logger: new MemoryLogger(),
    signal: new AbortController().signal,
    ...options,
  });
}

Deno.test("bindHttpServer() says who is to yield when the port is busy", async () => {
  await using first = bind();
  assert.throws(() => bind({ port: first.port }), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(
      error.message,
      `Cannot serve HTTP on 127.0.0.1 port ${first.port}: another program uses it; stop that program or choose another port with --port`,
    );
    return true;
  });
});

Deno.test("bindHttpServer() says when the machine lacks the address", () => {
  assert.throws(
    () => bind({ hostname: "192.0.2.1" }),
    (error) => error instanceof UserError && /--bind/.test(error.message),
  );
});
