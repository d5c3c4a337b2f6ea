import assert from "node:assert/strict";
import { DEFAULT_CONFIG } from "../../lib/config/provider_config.ts";
import { advertiseInDht, openDht } from "../../lib/provider/open_dht.ts";
import { readBootRecord } from "../../lib/wire/boot_record.ts";
import { unlimited } from "../support/dht_nodes.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryDht } from "../support/memory_dht.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { memoryMachine } from "../support/provider_machine.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const PUBLIC = "/ip4/1.2.3.4/tcp/4001";
const PRIVATE = "/ip4/10.0.0.9/tcp/4001";

/** What is logged, and the URL that others are told. */
async function advertise(
  { ownAddress = "10.0.0.1", bootstrap = PUBLIC, advertiseUrl, mapped }: {
    readonly ownAddress?: string;
    readonly bootstrap?: string;
    readonly advertiseUrl?: string;
    /** The public address of a router that maps our ports. */
    readonly mapped?: string;
  },
): Promise<{ warnings: readonly string[]; url: string | undefined }> {
  const dht = new MemoryDht();
  await using node = await dht.openNode();
  await using other = await dht.openNode();
  await node.join(other.addresses()[0] ?? "", { signal: unlimited });
  let value: Uint8Array | undefined;
  const logger = new MemoryLogger();
  await using advertiser = advertiseInDht(
    {
      ...DEFAULT_CONFIG,
      stateDir: "/state",
      advertiseUrl,
      dht: {
        ...DEFAULT_CONFIG.dht,
        bootstrapNodes: [bootstrap],
        portMapping: mapped !== undefined,
      },
    },
    {
      fileSystem: new MemoryFileSystem(),
      clock: new FakeClock(),
      logger,
      hostName: "box",
      passphraseFrom: () => () => assert.fail("asked"),
    },
    {
      http: { port: 8080 },
      ownAddress: () => ownAddress,
      node: {
        ...node,
        publish(key, bytes, options) {
          value = bytes;
          return node.publish(key, bytes, options);
        },
      },
      mappedAddress: () => mapped,
    },
  );
  await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal: unlimited,
  });
  const record = value && readBootRecord(value);
  return {
    warnings: logger.lines,
    url: record?.ok ? record.value.url : undefined,
  };
}

Deno.test("advertiseInDht() warns of a private URL while bootstrap nodes are public", async () => {
  assert.deepEqual(await advertise({}), {
    warnings: [
      "WARN The URL published in the DHT, http://10.0.0.1:8080, can be reached from this network only: name a reachable one with --advertise-url, or use --port-mapping",
    ],
    url: "http://10.0.0.1:8080/stable/arm64/manifest.json",
  });
});

Deno.test("advertiseInDht() tells what others reach without a warning", async () => {
  const told = async (options: Parameters<typeof advertise>[0]) => {
    const { warnings, url } = await advertise(options);
    assert.deepEqual(warnings, []);
    return url?.replace("/stable/arm64/manifest.json", "");
  };
  assert.equal(
    await told({ bootstrap: PRIVATE }),
    "http://10.0.0.1:8080",
    "everybody is on this network",
  );
  assert.equal(await told({ ownAddress: "1.2.3.5" }), "http://1.2.3.5:8080");
  assert.equal(
    await told({ advertiseUrl: "https://boot.example.org" }),
    "https://boot.example.org",
  );
  assert.equal(
    await told({ mapped: "203.0.113.7" }),
    "http://203.0.113.7:8080",
  );
});

Deno.test("advertiseInDht() refuses a URL that makes records too long for any node", async () => {
  const long = (length: number) => `http://proxy/${"a".repeat(length)}`;
  await assert.rejects(
    advertise({ advertiseUrl: long(4000) }),
    /name an --advertise-url that is \d+ bytes shorter.*--no-dht/,
  );
  const { url } = await advertise({ advertiseUrl: long(3000) });
  assert.equal(url, `${long(3000)}/stable/arm64/manifest.json`);
});

Deno.test("openDht() refuses the public DHT where loopback alone is to be used", async () => {
  const logger = new MemoryLogger();
  const config = {
    ...DEFAULT_CONFIG,
    stateDir: "/state",
    interfaces: ["127.0.0.1"],
    dht: { ...DEFAULT_CONFIG.dht, network: "amino" },
  };
  const machine = { ...memoryMachine(), logger };
  await assert.rejects(
    openDht(config, machine, { stateLogger: logger, signal: unlimited }),
    {
      name: "UserError",
      message:
        'Cannot join the public DHT (network "amino") over loopback, which is all that --interface names: name another interface, or the network "private"',
    },
  );
  assert.deepEqual(logger.lines, []);
});
