import assert from "node:assert/strict";
import { join } from "node:path";
import { start, temporaryDirectory } from "../support/programs.ts";

Deno.test("plasmd outlives clients that use up its file descriptors", async () => {
  await using directory = await temporaryDirectory();
  const image = join(directory.path, "artifacts", "exhausted", "arm64");
  await Deno.mkdir(image, { recursive: true });
  await Deno.writeTextFile(join(image, "vmlinuz"), "a kernel");
  await using provider = start("plasmd", [
    ...["serve", "--artifacts", join(directory.path, "artifacts")],
    ...["--channel", "exhausted", "--arch", "arm64", "--interface", "lo"],
    ...["--no-dht", "--no-mdns", "--port", "0"],
    ...["--state-dir", join(directory.path, "state")],
  ], { prefix: ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh"] });
  const [, port = ""] = await provider.line(/Serving on http:\/\/.*:(\d+)/);
  await provider.line(/Found 1/);

  const idle: Deno.Conn[] = [];
  try {
    while (!/Cannot accept/.test(provider.lines().join("\n"))) {
      assert.ok(idle.length < 1000, "1000 connections and no complaint");
      const connection = await Deno.connect({
        hostname: "127.0.0.1",
        port: Number(port),
      }).catch(() => undefined); // Refused while the socket is closed.
      if (connection !== undefined) idle.push(connection);
      else await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    for (const connection of idle) connection.close();
  }

  const url = `http://127.0.0.1:${port}/exhausted/arm64/kernel`;
  let body: string | undefined;
  for (let tries = 0; body === undefined; tries++) {
    assert.ok(tries < 100, "does not answer again within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
    body = await fetch(url).then((response) => response.text())
      .catch(() => undefined);
  }
  assert.equal(body, "a kernel");
  const { code } = await provider.end("SIGTERM");
  assert.equal(code, 0);
});
