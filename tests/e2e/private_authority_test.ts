/** `phase_discover --ca`: a provider behind TLS by an authority of one's own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { hasOpenssl } from "../support/openssl.ts";
import { certify } from "../support/private_authority.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";

/** A free port that `fetch` refuses, as those of other protocols. */
function portOfOthers(): number {
  for (const port of [10080, 6697, 6669, 6668, 6667, 6666, 6665, 5061]) {
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch {
      // Somebody has it.
    }
  }
  return 0;
}

Deno.test({
  name: `phase_discover --ca reaches a provider whose authority is private${
    hasOpenssl ? "" : " (skipped: needs OpenSSL 3)"
  }`,
  ignore: !hasOpenssl,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory());
    const { ca, cert, key } = await certify(path);
    const image = join(path, "artifacts/private-ca/arm64");
    await Deno.mkdir(image, { recursive: true });
    await Deno.writeTextFile(join(image, "vmlinuz"), "a kernel");
    let backend = 0;
    const proxy = stack.use(Deno.serve({
      ...{ hostname: "127.0.0.1", port: portOfOthers(), cert, key },
      onListen: () => {},
    }, (request) => {
      const { pathname } = new URL(request.url);
      return fetch(`http://127.0.0.1:${backend}${pathname}`);
    }));
    const url = `https://127.0.0.1:${proxy.addr.port}`;
    const provider = stack.use(start("plasmd", [
      ...["serve", "--artifacts", join(path, "artifacts"), "--no-dht"],
      ...["--state-dir", join(path, "state"), "--channel", "private-ca"],
      ...["--interface", "lo", "--port", "0", "--advertise-url", url],
    ]));
    const [, port] = await provider.line(/Serving on http:.*:(\d+)/);
    backend = Number(port);
    await provider.line(/Advertising private-ca\/arm64/);
    const find = (...more: string[]) =>
      run("phase_discover", [
        ...["--channel", "private-ca", "--arch", "arm64", "--mode", "lan"],
        ...["--interface", "lo", "--timeout", "10", ...more],
      ]);
    const found = await find("--ca", ca, "--quiet");
    assert.equal(found.stdout, `${url}/private-ca/arm64/manifest.json\n`);
    const refused = await find("--timeout", "2");
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /certificate/i);
    for (const other of [join(path, "tls.key"), join(image, "vmlinuz")]) {
      const wrong = await find("--ca", other);
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, /--ca ".*": not certificates in PEM/);
    }
  },
});
