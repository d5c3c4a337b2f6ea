import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  busyProvider,
  type HttpFixture,
  httpFixture,
  mirroringProvider,
  request,
} from "../../support/http_fixture.ts";

function browse(fixture: HttpFixture, method = "GET"): Promise<Response> {
  return request(fixture, "/", {
    method,
    headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" },
  });
}

/** What a reader sees, blanks put together. */
function text(page: string): string {
  return page.replace(/<(style|script)>.*?<\/\1>/gs, "")
    .replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
}

Deno.test("a browser gets a page, a program gets JSON", async () => {
  const fixture = await httpFixture();
  const page = await browse(fixture);
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  for (const headers of [{}, { accept: "*/*" }, { accept: "image/png" }]) {
    const json = await request(fixture, "/", { headers });
    assert.equal(json.headers.get("content-type"), "application/json");
    assert.equal(json.headers.get("vary"), "accept");
  }
});

Deno.test("the page shows images, where they are advertised, and what is wrong", async () => {
  const fixture = await httpFixture();
  fixture.status = busyProvider();
  await (await request(fixture, "/stable/arm64/kernel")).bytes();
  const page = text(await (await browse(fixture)).text());
  assert.match(page, /^ lab: boot images/);
  assert.match(page, / Ready plasmd 1\.2\.3, up 60 min /);
  assert.match(page, / Warnings Cannot read \/srv\/beta: permission denied /);
  assert.match(
    page,
    / Channel arm64 x86_64 stable 2026\.11\.22 boot\.ipxe grub\.cfg 51 B /,
  );
  assert.match(page, / vmlinuz 26 B initramfs\.img 12 B Board-4\.dtb 13 B /);
  assert.match(page, / mDNS DHT, 5 nodes, 5 min ago missing /);
  assert.match(
    page,
    / testing missing 2026\.11\.22 boot\.ipxe grub\.cfg 14 B .* mDNS: eth0 is down /,
  );
  assert.match(page, / 10\.0\.0\.7 stable\/arm64\/vmlinuz 100 % 0 s ago /);
  assert.match(page, / mDNS on eth0 \(10\.0\.0\.1\): failed: Network is down /);
  assert.match(page, / DHT: 7 peers, own id 12D3KooWLab /);
  assert.match(
    page,
    / DHT publishing: 2 images waiting, .* to 19\.5 nodes on average; the last round, .* ago, told 9, 1 in vain /,
  );
});

Deno.test("the page says until when clients take an image, and who signed it", async () => {
  const fixture = await httpFixture();
  const images = fixture.catalog.images();
  fixture.catalog.set(images.map((image) => ({
    ...image,
    manifest: { ...image.manifest, expiresAtMs: fixture.clock.now() },
  })));
  const page = text(await (await browse(fixture)).text());
  assert.match(page, / Not ready: every manifest that is served has expired /);
  assert.match(page, / signed by ed25519:0{64} .* expired: clients refuse it /);
});

Deno.test("the page leads to the scripts of each image", async () => {
  const page = await (await browse(await httpFixture())).text();
  for (const image of ["stable/arm64", "testing/x86_64"]) {
    for (const file of ["manifest.json", "boot.ipxe", "grub.cfg"]) {
      assert.ok(page.includes(`href="/${image}/${file}"`), `${image}/${file}`);
    }
  }
});

Deno.test("the page shows machines that boot", async () => {
  const fixture = await httpFixture();
  assert.doesNotMatch(await (await browse(fixture)).text(), /Machines/);
  await request(fixture, "/boot.ipxe?mac=52:54:00:12:34:56");
  const page = text(await (await browse(fixture)).text());
  assert.match(
    page,
    / Machines .* 52:54:00:12:34:56 10\.0\.0\.7 menu 0 s ago /,
  );
});

Deno.test("the page says so when there is nothing", async () => {
  const fixture = await httpFixture();
  fixture.catalog.set([]);
  const page = text(await (await browse(fixture)).text());
  assert.match(page, / Not ready: nothing is served /);
  assert.match(page, / Nothing is served yet\. /);
  assert.match(page, / mDNS is off DHT is off /);
});

Deno.test("what comes from disk, network and clients is text, never markup", async () => {
  const evil = "<script>alert(1)</script>\"'&\u202e";
  const fixture = await httpFixture();
  const [image] = fixture.catalog.images();
  const kernel = image?.artifacts.get("kernel");
  assert.ok(image && kernel);
  const artifacts = new Map([["kernel", { ...kernel, filename: evil }]]);
  fixture.catalog.set([{ ...image, version: evil, artifacts }]);
  const busy = busyProvider();
  fixture.status = {
    ...busy,
    name: evil,
    advertisements: busy.advertisements.map((a) => ({ ...a, problem: evil })),
    links: [{
      interfaceName: evil,
      address: evil,
      state: "failed",
      reason: evil,
    }],
    dht: {
      peerId: evil,
      peerCount: 1,
      peers: () => [],
      requests: [],
      sentRequests: [],
      isReachable: false,
      bootstrap: new Map([[evil, { kind: "failed", reason: evil }]]),
    },
    warnings: [evil],
  };
  await request(fixture, "/stable/arm64/kernel");
  const page = await (await browse(fixture)).text();
  assert.match(page, /class="bad">Other DHT nodes cannot connect to this/);
  assert.equal(page.match(/<script>/g)?.length, 1);
  assert.equal(page.match(/alert\(1\)/g)?.length, 12);
  assert.doesNotMatch(page, /alert\(1\)<|\u202e/);
});

Deno.test("a DHT that has nobody to join through is nothing bad, one that has is", async () => {
  const fixture = await httpFixture();
  const busy = busyProvider();
  const alone = {
    peerId: "12D3KooWLab",
    peerCount: 0,
    peers: () => [],
    requests: [],
    sentRequests: [],
    isReachable: undefined,
    bootstrap: new Map(),
  };
  const advertisements = busy.advertisements.map((a) => ({
    ...a,
    published: a.via === "mDNS",
  }));
  fixture.status = { ...busy, advertisements, dht: alone };
  assert.doesNotMatch(await (await browse(fixture)).text(), /chip bad/);
  const failed = { kind: "failed", reason: "connection refused" } as const;
  const bootstrap = new Map([["/ip4/192.0.2.1/tcp/4001", failed]]);
  fixture.status = { ...busy, advertisements, dht: { ...alone, bootstrap } };
  const page = await (await browse(fixture)).text();
  assert.match(page, /chip bad/);
  assert.match(
    page,
    /DHT node \/ip4\/192\.0\.2\.1\/tcp\/4001: <span class="bad">failed: connection refused</,
  );
});

Deno.test("the policy of the page allows its own style and script, and nothing else", async () => {
  const response = await browse(await httpFixture());
  const page = await response.text();
  const hash = (element: string) => {
    const content = new RegExp(`<${element}>(.*?)</${element}>`, "s")
      .exec(page)?.[1] ?? "";
    return createHash("sha256").update(content).digest("base64");
  };
  assert.equal(
    response.headers.get("content-security-policy"),
    `default-src 'none'; style-src 'sha256-${
      hash("style")
    }'; script-src 'sha256-${
      hash("script")
    }'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  assert.doesNotMatch(page, /style=|onclick|https?:|src=/);
});

Deno.test("HEAD of the page has the headers of GET", async () => {
  const fixture = await httpFixture();
  const get = await browse(fixture);
  const head = await browse(fixture, "HEAD");
  assert.deepEqual([...head.headers], [...get.headers]);
  assert.equal(head.body, null);
});

Deno.test("the page says how far behind a mirror is, and why", async () => {
  const fixture = await httpFixture();
  assert.doesNotMatch(text(await (await browse(fixture)).text()), /Mirrored/);
  fixture.status = mirroringProvider();
  const page = text(await (await browse(fixture)).text());
  assert.match(
    page,
    / Mirrored stable\/arm64 1: up to date , found elsewhere 60 s ago /,
  );
  assert.match(
    page,
    / testing\/x86_64 nothing yet: behind &lt;2&gt; for 5 min , 1\.0 KiB of 4\.0 KiB fetched lab is asked for nothing more /,
  );
});
