/**
 * Every document for programs, as plasmd and phase_discover make it, held to
 * its schema in docs/schemas.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { doctorDocument } from "../../lib/doctor/report.ts";
import { signBootRecord } from "../../lib/wire/boot_record.ts";
import { HEALTHY } from "../support/doctor_observations.ts";
import {
  busyProvider,
  httpFixture,
  mirroringProvider,
  request,
  silentProvider,
} from "../support/http_fixture.ts";
import { makeFiles } from "../support/image_tree.ts";
import {
  type Ended,
  run,
  start,
  temporaryDirectory,
} from "../support/programs.ts";
import { schemaNames, Schemas } from "../support/schemas.ts";
import { writeKeys } from "../support/signed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const schemas = new Schemas();
const CHANNEL = "schemas";
const IMAGE = ["--channel", CHANNEL, "--arch", "arm64"];
const owner = await testSigningKey(71);

/** What a program printed, which is one JSON document. */
function documentOf({ stdout }: Ended): unknown {
  return JSON.parse(stdout);
}

Deno.test("what a provider says of itself fits its schemas, whatever happens to it", async () => {
  for (const provider of [silentProvider, busyProvider, mirroringProvider]) {
    const fixture = await httpFixture();
    fixture.status = provider();
    const root = trustRoot([owner], { expires_at: "2027-01-01T00:00:00Z" });
    const document = await sealTrustRoot(root, [owner]);
    fixture.trustDocuments.set(1, document);
    await (await request(fixture, "/stable/arm64/kernel")).bytes();
    await (await request(fixture, "/boot.ipxe?mac=52:54:00:12:34:56")).bytes();
    for (
      const [name, path] of [
        ["status", "/status"],
        ["peers", "/peers"],
        ["listing", "/"],
        ["trust", "/trust/1.json"],
      ] as const
    ) await schemas.check(name, await (await request(fixture, path)).json());
  }
});

Deno.test("a record of the DHT fits its schema", async () => {
  const bytes = await signBootRecord({ channel: "stable", arch: "arm64" }, {
    url: "http://192.0.2.1:8080/stable/arm64/manifest.json",
    peerId: "12D3KooWGRUxZ5jZ2uGi5n1cDkQf7EJ1FkXb7mYq2wCkVvH4r9sT",
    providerName: "rack 12",
    lastUpdatedMs: Date.now(),
    version: "1",
    ttlSeconds: 3600,
  }, () => Promise.resolve(new Uint8Array(64)));
  await schemas.check(
    "boot-record",
    JSON.parse(new TextDecoder().decode(bytes)),
  );
});

Deno.test("what doctor finds fits its schema", async () => {
  const finding = {
    code: "expired" as const,
    where: ["stable/arm64"],
    cause: "its manifest has expired",
    nextStep: "renew it",
  };
  await schemas.check("doctor", doctorDocument(HEALTHY, []));
  await schemas.check("doctor", doctorDocument(HEALTHY, [finding]));
  await schemas.check(
    "doctor",
    doctorDocument({ ...HEALTHY, provider: undefined }, [finding]),
  );
});

Deno.test("what the programs print fits its schemas", async (t) => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  await makeFiles(at(`images/${CHANNEL}/arm64`), {
    ...{ vmlinuz: "kernel", "initrd.img": "initramfs", cmdline: "quiet" },
    ...{ "rootfs.img": "root", "a.dtb": "a tree", "notes.txt": "a note" },
  });
  await makeFiles(at("images/none/arm64"), { "linux.bin": "no name" });
  await writeKeys(directory.path, { "signing.pem": owner });
  await Deno.writeTextFile(
    at("trust-1.toml"),
    `keys = ["${owner.publicKey.keyId}"]\n`,
  );
  await using provider = start("plasmd", [
    ...["serve", "--artifacts", at("images"), ...IMAGE, "--interface", "lo"],
    ...["--state-dir", at("state"), "--signing-key", at("signing.pem")],
    ...["--no-dht", "--port", "0"],
  ]);
  const [, base = ""] = await provider.line(/Serving on (\S+)/);
  await provider.line(/Advertising schemas\/arm64/);
  const discover = (...args: string[]) =>
    run("phase_discover", [
      ...[...IMAGE, "--mode", "lan", "--interface", "lo"],
      ...["--format", "json", ...args],
    ]);
  const plasmd = (...args: string[]) => run("plasmd", args);
  const key = ["--key", owner.publicKey.keyId];
  const other = ["--key", (await testSigningKey(72)).publicKey.keyId];
  const fetchTo = (name: string) => ["--fetch", at(name)];
  await Deno.writeTextFile(at("file"), "no directory");
  const manifest = `${base}/${CHANNEL}/arm64/manifest.json`;
  await schemas.check("manifest", await (await fetch(manifest)).json());
  await schemas.check("status", await (await fetch(`${base}/status`)).json());
  const cases: readonly (readonly [string, number, () => Promise<Ended>])[] = [
    ["discover", 0, () => discover()],
    ["discover", 0, () => discover(...key)],
    ["discover-all", 0, () => discover("--all", "--timeout", "3")],
    ["fetch", 0, () => discover(...key, ...fetchTo("fetched"))],
    ["failure", 2, () => discover("--nonsense")],
    ["failure", 3, () => discover("--arch", "riscv64", "--timeout", "1")],
    ["failure", 4, () => discover(...other, "--timeout", "2")],
    ["failure", 5, () => discover(...key, ...fetchTo("file"))],
    ["status", 0, () => plasmd("status", "--url", base, "--json")],
    [
      "failure",
      3,
      () => plasmd("status", "--url", "http://127.0.0.1:9", "--json"),
    ],
    ["scan", 0, () => plasmd("scan", "--artifacts", at("images"), "--json")],
    ["manifest-show", 0, () => plasmd("manifest", "show", "--json", manifest)],
    [
      "trust-show",
      0,
      () => plasmd("trust", "show", "--json", at("trust-1.toml")),
    ],
  ];
  for (const [name, code, ask] of cases) {
    const ended = await ask();
    await t.step(`${name}, ended with ${ended.code}`, async () => {
      assert.equal(ended.code, code, ended.stdout + ended.stderr);
      await schemas.check(name, documentOf(ended));
    });
  }
});

Deno.test("every schema was held to a document, and refuses others", async () => {
  const names = await schemaNames();
  assert.deepEqual([...schemas.used].sort(), names);
  for (const name of names) {
    await assert.rejects(schemas.check(name, { a: 1 }), assert.AssertionError);
  }
});
