/** Slow readers do not lock others out, nor do loaders that never ask again. */
import assert from "node:assert/strict";
import net from "node:net";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import {
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

const PLACES = 8;
const SIZE_BYTES = 48 << 20;
/** What eight readers took each that kept all others out for as long. */
const SLOW_BYTES_PER_SECOND = 1200;
/** Within which a newcomer is to be served, whatever others do. */
const SERVED_MS = 15_000;

interface Lab extends AsyncDisposable {
  readonly provider: RunningProgram;
  readonly port: number;
}

/** A provider with a few places, and a rate where it is to take a while. */
async function openLab(channel: string, more = ""): Promise<Lab> {
  const directory = await temporaryDirectory();
  const { path } = directory;
  await makeFiles(join(path, "artifacts"), {
    [`${channel}/arm64/vmlinuz`]: SIZE_BYTES,
  });
  const config = join(path, "plasmd.toml");
  await Deno.writeTextFile(
    config,
    `[provider]
channels = ["${channel}"]
architectures = ["arm64"]
artifacts_dir = "${join(path, "artifacts")}"
state_dir = "${join(path, "state")}"
interfaces = ["lo"]
port = 0
[dht]
enabled = false
[mdns]
enabled = false
[http]
access_log = true
max_connections = ${PLACES}
${more}`,
  );
  const provider = start("plasmd", ["serve", "--config", config]);
  const [, port = ""] = await provider.line(/Serving on http:\/\/.*:(\d+)/);
  await provider.line(/Found 1/);
  return {
    provider,
    port: Number(port),
    async [Symbol.asyncDispose]() {
      await provider[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** A download as it was asked for. */
interface Asked {
  readonly socket: net.Socket;
  /** The status line, or what came instead of one. */
  readonly status: Promise<string>;
}

/** Asks for the kernel from one of the addresses of this machine. */
function ask(
  { port }: Lab,
  channel: string,
  { address, userAgent = "test" }: { address: string; userAgent?: string },
): Asked {
  const socket = net.connect({
    host: "127.0.0.1",
    port,
    localAddress: address,
  });
  socket.on("error", () => {
    // It ends: what came before is what counts.
  });
  socket.write(
    `GET /${channel}/arm64/kernel HTTP/1.1\r\nHost: a\r\n` +
      `User-Agent: ${userAgent}\r\nConnection: close\r\n\r\n`,
  );
  const status = new Promise<string>((resolve) => {
    socket.once("readable", () => {
      const head = socket.read(64);
      resolve(String(head).split("\r\n")[0] ?? "");
    });
    socket.once("close", () => resolve("closed"));
  });
  return { socket, status };
}

/** Reads a little at a time, and no more: until it is disposed of or cut. */
function readSlowly({ socket }: Asked): Disposable {
  const timer = setInterval(
    () => socket.read(SLOW_BYTES_PER_SECOND / 4),
    250,
  );
  socket.once("close", () => clearInterval(timer));
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      socket.destroy();
    },
  };
}

/** Takes the rest of an answer. @returns how many bytes that were */
async function readAll({ socket }: Asked): Promise<number> {
  let count = 0;
  for await (const chunk of socket) count += chunk.length;
  return count;
}

for (
  const [what, channel, address] of [
    ["one address", "slow-one", () => "127.0.0.2"],
    ["eight addresses", "slow-eight", (i: number) => `127.0.0.${2 + i}`],
  ] as const
) {
  Deno.test(`eight slow readers from ${what} do not keep all places`, async () => {
    await using lab = await openLab(channel);
    using readers = new DisposableStack();
    for (let i = 0; i < PLACES; i++) {
      const reader = ask(lab, channel, { address: address(i) });
      assert.equal(await reader.status, "HTTP/1.1 200 OK");
      readers.use(readSlowly(reader));
    }
    // At once, and when they have had their time.
    for (const newcomer of ["127.0.0.10", "127.0.0.11"]) {
      const startMs = performance.now();
      const asked = ask(lab, channel, { address: newcomer });
      assert.equal(await asked.status, "HTTP/1.1 200 OK");
      assert.ok(await readAll(asked) > SIZE_BYTES - 64);
      const elapsedMs = performance.now() - startMs;
      assert.ok(elapsedMs < SERVED_MS, `${newcomer} waited ${elapsedMs} ms`);
      await lab.provider.line(
        /INFO Sent .* to 127\.0\.0\.\d+: .* then ended as too slow while others waited, in/,
      );
    }
    const status = await fetch(`http://127.0.0.1:${lab.port}/status`);
    const { downloads } = await status.json();
    assert.equal(downloads.refused, 0);
    assert.ok(downloads.displaced >= 1 && downloads.displaced <= 2);
  });
}

Deno.test("loaders that never ask again wait for a place, others are told to come back", async () => {
  const channel = "patient";
  // All places are taken for three seconds, by readers that are quick enough.
  await using lab = await openLab(
    channel,
    `max_rate_per_connection = ${SIZE_BYTES / 3}`,
  );
  const first = Array.from(
    { length: PLACES },
    () => ask(lab, channel, { address: "127.0.0.2" }),
  );
  const crowd = first.map(async (asked) => {
    assert.equal(await asked.status, "HTTP/1.1 200 OK");
    await readAll(asked);
  });
  await Promise.all(first.map(({ status }) => status));
  const again = ask(lab, channel, { address: "127.0.0.2" });
  assert.equal(await again.status, "HTTP/1.1 503 Service Unavailable");
  again.socket.destroy();
  const loaders = ["GRUB 2.12", "UefiHttpBoot/1.0"].flatMap((userAgent) =>
    [1, 2, 3].map(() => ask(lab, channel, { address: "127.0.0.2", userAgent }))
  );
  for (const loader of loaders) {
    assert.equal(await loader.status, "HTTP/1.1 200 OK");
    const { downloads } =
      await (await fetch(`http://127.0.0.1:${lab.port}/status`)).json();
    assert.ok(downloads.running <= PLACES);
  }
  await Promise.all([...crowd, ...loaders.map(readAll)]);
});
