import assert from "node:assert/strict";
import { join } from "node:path";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { makeFiles } from "../support/image_tree.ts";
import {
  advertiseOnLan,
  type LanServer,
  openLanServer,
  openRawLanServer,
} from "../support/lan_server.ts";
import { labTest } from "../support/network_lab.ts";
import { run } from "../support/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const bytes = (text: string) => new TextEncoder().encode(text);

/** Advertises a port, and keeps what is behind it open. */
async function advertisePort(
  name: string,
  image: ChannelArch,
  port: number,
  opened: Disposable[] = [],
): Promise<LanServer> {
  const advertised = await advertiseOnLan(name, image, port);
  return {
    ...advertised,
    async [Symbol.asyncDispose]() {
      await advertised[Symbol.asyncDispose]();
      for (const one of opened) one[Symbol.dispose]();
    },
  };
}

/** A port that nobody listens on. */
function openClosedPort(name: string, image: ChannelArch): Promise<LanServer> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return advertisePort(name, image, listener.addr.port);
}

/** Takes connections, and never says a word. */
function openMute(name: string, image: ChannelArch): Promise<LanServer> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return advertisePort(name, image, listener.addr.port, [listener]);
}

/** Drops the packets that would open a connection: its queue is full. */
async function openDropping(
  name: string,
  image: ChannelArch,
): Promise<LanServer> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const opened: Disposable[] = [listener];
  for (let isFull = false; !isFull && opened.length < 5000;) {
    const signal = AbortSignal.timeout(500);
    try {
      opened.push(
        await Deno.connect({ hostname: "127.0.0.1", port, signal }),
      );
    } catch {
      isFull = true;
    }
  }
  return await advertisePort(name, image, port, opened);
}

function answering(status: number, body = "", headers = {}) {
  return (name: string, image: ChannelArch) =>
    openLanServer({
      name,
      image,
      handler: () => new Response(body, { status, headers }),
    });
}

function raw(answer: string) {
  return (name: string, image: ChannelArch) =>
    openRawLanServer({ name, image, answer: bytes(answer) });
}

/** What a provider does, what that is called, and how the client ends. */
const KINDS: readonly (readonly [
  kind: string,
  open: (name: string, image: ChannelArch) => Promise<LanServer>,
  code: string,
  exitCode: 3 | 4,
])[] = [
  ["refuses-connections", openClosedPort, "unreachable", 3],
  ["is-mute", openMute, "slow", 3],
  ["hangs-up", raw(""), "unreachable", 3],
  ["speaks-another-protocol", raw("SSH-2.0-x\r\n"), "unreachable", 3],
  [
    "breaks-off",
    raw('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"signed":'),
    "truncated",
    3,
  ],
  ["has-lost-it", answering(404), "status", 3],
  ["fails", answering(500), "status", 3],
  ["is-busy", answering(503), "status", 3],
  [
    "redirects",
    answering(302, "", { location: "http://192.0.2.1/" }),
    "redirect",
    3,
  ],
  [
    "is-a-portal",
    answering(200, "<html>", { "content-type": "text/html" }),
    "malformed",
    4,
  ],
  ...Deno.build.os === "linux"
    ? [["drops-packets", openDropping, "slow", 3] as const]
    : [],
];

/** Other tests share the loopback's multicast: a channel of our own. */
function imageOf(kind: string): ChannelArch {
  return { channel: `${kind}-${Deno.pid}`, arch: "arm64" };
}

async function failure(image: ChannelArch, ...more: string[]) {
  const ended = await run("phase_discover", [
    ...["--interface", "lo", "--mode", "lan", "--format", "json"],
    ...["--channel", image.channel, "--arch", image.arch, ...more],
  ]);
  assert.ok(ended.stdout.startsWith("{"), ended.stderr);
  return { ...ended, ...JSON.parse(ended.stdout) };
}

Deno.test("phase_discover ends with 3 where no manifest came, whatever the provider did instead", async () => {
  const outcomes = await Promise.all(KINDS.map(async ([kind, open]) => {
    const image = imageOf(kind);
    await using _provider = await open(kind, image);
    const ended = await failure(image, "--timeout", "15");
    return [
      ...[kind, ended.code, ended.reason],
      ended.refused.map((one: { reason: string }) => one.reason).join(),
    ];
  }));
  assert.deepEqual(
    outcomes,
    KINDS.map(([kind, , code, exitCode]) => [
      ...[kind, exitCode, exitCode === 3 ? "unreachable" : "refused", code],
    ]),
  );
});

Deno.test("phase_discover ends with 4 where one provider cannot be reached and another is refused", async () => {
  const image = imageOf("mixed");
  await using _closed = await openClosedPort("closed", image);
  await using _portal = await answering(200, "<html>")("portal", image);
  for (const all of [[], ["--all"]]) {
    const ended = await failure(image, "--timeout", "8", ...all);
    assert.equal(ended.code, 4, ended.stderr);
    assert.equal(ended.reason, "refused");
    assert.match(ended.stderr, /^ERROR Refused http.*\(malformed\)$/m);
    assert.match(ended.stderr, /^ERROR No manifest from .*\(unreachable\)$/m);
  }
});

Deno.test("phase_discover counts who had not answered when time was up", async () => {
  const image = imageOf("short");
  await using _provider = await openMute("short", image);
  const ended = await failure(image, "--timeout", "1", "--all");
  assert.equal(ended.code, 3, ended.stderr);
  assert.match(ended.error, /1 provider found, none could be reached$/);
});

labTest(
  "phase_discover ends with 3 where a provider's answers by TCP are dropped on the way",
  [],
  async (lab) => {
    const [provider, client] = await lab.twoHosts();
    const root = await Deno.makeTempDir({ prefix: "plasm-test-" });
    try {
      await makeFiles(root, { "artifacts/stable/arm64/vmlinuz": 1000 });
      // Multicast, which has no route, goes on.
      await provider.exec("ip", "route", "add", "blackhole", "10.77.0.2/32");
      const deno = [Deno.execPath(), "run", "-A", "--no-prompt"] as const;
      const serving = provider.start(
        ...[...deno, join(ROOT, "plasmd.ts"), "serve", "--no-dht"] as const,
        ...["--artifacts", join(root, "artifacts"), "--port", "8080"],
        ...["--state-dir", join(root, "state")],
      );
      const said = await client.exec(
        ...["sh", "-c", '"$@" 2>&1; echo "exit $?"', "sh"] as const,
        ...[...deno, join(ROOT, "phase_discover.ts"), "--mode", "lan"],
        ...["--channel", "stable", "--arch", "arm64", "--timeout", "12"],
      );
      assert.match(said, /1 provider found, none could be reached$/m);
      assert.match(
        said,
        /No manifest from http:\/\/10\.77\.0\.1:8080\/\S+: .*\(slow\)$/m,
      );
      assert.match(said, /^exit 3$/m);
      await serving.end("SIGKILL");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
);
