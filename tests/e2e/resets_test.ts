/** Clients that reset their connections do not keep others waiting. */
import assert from "node:assert/strict";
import net from "node:net";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { start, temporaryDirectory } from "../support/programs.ts";

const RESETS = 300;
/** Generous: it is a few milliseconds, and was 30 s when each was waited for. */
const CEILING_MS = 5000;

/** Connects, and ends it by a reset instead of a farewell. */
async function reset(port: number): Promise<void> {
  const socket = net.connect(port, "127.0.0.1");
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  socket.resetAndDestroy();
}

Deno.test("300 connections that are reset do not keep the next client waiting, nor end those there are", async () => {
  await using directory = await temporaryDirectory();
  const artifacts = join(directory.path, "artifacts");
  await makeFiles(artifacts, { "resets/arm64/vmlinuz": 10 });
  await using provider = start("plasmd", [
    ...["serve", "--artifacts", artifacts, "--interface", "lo"],
    ...["--channel", "resets", "--arch", "arm64", "--no-dht", "--no-mdns"],
    ...["--port", "0", "--state-dir", join(directory.path, "state")],
  ]);
  const [, found = ""] = await provider.line(/Serving on http:\/\/.*:(\d+)/);
  await provider.line(/Found 1/);
  const port = Number(found);
  const idle = await Deno.connect({ hostname: "127.0.0.1", port });

  // Or it may accept each before it is reset.
  Deno.kill(provider.pid, "SIGSTOP");
  try {
    // No more than the system keeps for a program that does not accept.
    await Promise.all(Array.from({ length: 100 }, () => reset(port)));
  } finally {
    Deno.kill(provider.pid, "SIGCONT");
  }
  for (let done = 100; done < RESETS; done++) await reset(port);
  const startMs = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/health`);
  const elapsedMs = performance.now() - startMs;
  assert.deepEqual(await answer.json(), { status: "ok" });
  assert.ok(elapsedMs < CEILING_MS, `the next client waited ${elapsedMs} ms`);

  // Who was there before has not been thrown out.
  const writer = idle.writable.getWriter();
  await writer.write(
    new TextEncoder().encode("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"),
  );
  const { value } = await idle.readable.getReader().read();
  assert.match(new TextDecoder().decode(value), /^HTTP\/1\.1 200 OK\r\n/);
  idle.close();
  assert.doesNotMatch(provider.lines().join("\n"), /Cannot accept/);
});
