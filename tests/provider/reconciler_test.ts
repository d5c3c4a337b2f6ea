import assert from "node:assert/strict";
import { parseChannelArch } from "../../lib/core/channel_arch.ts";
import { type Offer, Reconciler } from "../../lib/provider/reconciler.ts";
import { MemoryAdvertiser } from "../support/memory_advertiser.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const { signal } = new AbortController();

function offer(images: Record<string, string>, missing: string[] = []): Offer {
  const parse = (name: string) => {
    const [channel = "", arch = ""] = name.split("/");
    const image = parseChannelArch(channel, arch);
    assert.ok(image.ok);
    return image.value;
  };
  return {
    images: Object.entries(images).map(([name, version]) => ({
      image: parse(name),
      version,
    })),
    missing: missing.map((name) => ({ image: parse(name), directory: name })),
  };
}

const SPECIFICATION = offer(
  { "stable/arm64": "1", "testing/arm64": "1" },
  ["stable/x86_64", "testing/x86_64"],
);

Deno.test("Reconciler.reconcile() logs the specification's five lines, exactly and in order", async () => {
  const logger = new MemoryLogger();
  const { lines } = logger;
  const advertisers = [new MemoryAdvertiser(), new MemoryAdvertiser("DHT")];
  await new Reconciler({ advertisers, logger })
    .reconcile(SPECIFICATION, { signal });
  assert.deepEqual(lines, [
    "INFO Found 2 channel/arch combinations",
    "INFO Advertising stable/arm64",
    "INFO Advertising testing/arm64",
    "WARN Missing artifacts for stable/x86_64",
    "WARN Missing artifacts for testing/x86_64",
  ]);
  for (const { published } of advertisers) {
    assert.deepEqual([...published.keys()], ["stable/arm64", "testing/arm64"]);
  }
});

Deno.test("Reconciler.reconcile() says nothing and does nothing when nothing changed", async () => {
  const logger = new MemoryLogger();
  const { lines } = logger;
  const advertiser = new MemoryAdvertiser();
  const reconciler = new Reconciler({ advertisers: [advertiser], logger });
  await reconciler.reconcile(SPECIFICATION, { signal });
  const [said, done] = [lines.length, advertiser.calls.length];
  await reconciler.reconcile(SPECIFICATION, { signal });
  assert.equal(lines.length, said);
  assert.equal(advertiser.calls.length, done);
});

Deno.test("Reconciler.reconcile() withdraws what is gone and publishes what is new", async () => {
  const logger = new MemoryLogger();
  const { lines } = logger;
  const advertiser = new MemoryAdvertiser();
  const reconciler = new Reconciler({ advertisers: [advertiser], logger });
  await reconciler.reconcile(SPECIFICATION, { signal });
  lines.length = 0;
  await reconciler.reconcile(
    offer({ "stable/arm64": "2", "testing/x86_64": "1" }, ["testing/arm64"]),
    { signal },
  );
  assert.deepEqual([...advertiser.published], [
    ["stable/arm64", "2"],
    ["testing/x86_64", "1"],
  ]);
  assert.deepEqual(lines, [
    "WARN Withdrew testing/arm64: missing artifacts",
    "INFO Advertising testing/x86_64",
  ]);
});

Deno.test("Reconciler.reconcile() advertises on mDNS although the DHT has trouble", async () => {
  const logger = new MemoryLogger();
  const { lines } = logger;
  const dht = new MemoryAdvertiser("DHT");
  dht.trouble = "no DHT peer yet";
  const advertisers = [new MemoryAdvertiser(), dht];
  await new Reconciler({ advertisers, logger })
    .reconcile(offer({ "stable/arm64": "1" }), { signal });
  assert.deepEqual(lines, [
    "INFO Found 1 channel/arch combinations",
    "INFO Advertising stable/arm64",
  ]);
});

Deno.test("Reconciler.reconcile() claims nothing before somebody can find it, and says why", async () => {
  const logger = new MemoryLogger();
  const { lines } = logger;
  const advertiser = new MemoryAdvertiser("DHT");
  advertiser.trouble = "no DHT peer yet";
  const reconciler = new Reconciler({ advertisers: [advertiser], logger });
  const images = offer({ "stable/arm64": "1" });
  await reconciler.reconcile(images, { signal });
  assert.deepEqual(lines, [
    "INFO Found 1 channel/arch combinations",
    "WARN Serving stable/arm64, but nobody can discover it yet: DHT: no DHT peer yet",
  ]);
  lines.length = 0;
  advertiser.published.set("stable/arm64", "1");
  await reconciler.reconcile(images, { signal });
  assert.deepEqual(lines, ["INFO Advertising stable/arm64"]);
});

Deno.test("Reconciler.reconcile() survives an advertiser that throws", async () => {
  const logger = new MemoryLogger();
  const { lines } = logger;
  const broken = new MemoryAdvertiser();
  broken.publish = () => Promise.reject(new Error("socket is gone"));
  broken.withdraw = () => Promise.reject(new Error("socket is gone"));
  const sound = new MemoryAdvertiser("DHT");
  const reconciler = new Reconciler({ advertisers: [broken, sound], logger });
  await reconciler.reconcile(SPECIFICATION, { signal });
  await reconciler.reconcile(offer({}), { signal });
  assert.deepEqual([...sound.published], []);
  assert.ok(lines.includes("INFO Advertising stable/arm64"));
  assert.ok(
    lines.includes(
      "WARN Cannot withdraw stable/arm64 from mDNS: socket is gone",
    ),
  );
});

Deno.test("Reconciler.reconcile() says in one line that nobody can discover thousands of images", async () => {
  const logger = new MemoryLogger();
  const advertiser = new MemoryAdvertiser();
  advertiser.trouble = "lo is still probing";
  const reconciler = new Reconciler({ advertisers: [advertiser], logger });
  const names = Array.from({ length: 2000 }, (_, i) => `c${i}/arm64`);
  const images = offer(Object.fromEntries(names.map((name) => [name, "1"])));
  await reconciler.reconcile(images, { signal });
  assert.deepEqual(logger.lines, [
    "INFO Found 2000 channel/arch combinations",
    "WARN Serving 2000 images, for example c0/arm64, but nobody can discover them yet: mDNS: lo is still probing",
  ]);
  assert.ok(reconciler.hasUnannounced);
  logger.lines.length = 0;
  for (const name of names) advertiser.published.set(name, "1");
  await reconciler.reconcile(images, { signal });
  assert.deepEqual(logger.lines, names.map((n) => `INFO Advertising ${n}`));
  assert.ok(!reconciler.hasUnannounced);
});

Deno.test("Reconciler.reconcile() without any advertiser says that nobody can discover the image", async () => {
  const logger = new MemoryLogger();
  const { lines } = logger;
  await new Reconciler({ advertisers: [], logger })
    .reconcile(offer({ "stable/arm64": "1" }), { signal });
  assert.deepEqual(lines, [
    "INFO Found 1 channel/arch combinations",
    "WARN Serving stable/arm64, but nobody can discover it yet: mDNS and DHT are off",
  ]);
});
