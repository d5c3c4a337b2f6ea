/** What a release says of itself: version, licenses, inventory, executables. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { RELEASED_AT_MS, VERSION } from "../../lib/core/version.ts";
import { bundlePrograms, ROOT } from "../../tools/bundle.ts";
import { elfMachine, whyNot } from "../../tools/compile.ts";
import {
  type BundledPackage,
  unitePackages,
} from "../../tools/release/bundled_packages.ts";
import { DENO_RUNTIMES } from "../../tools/release/deno_runtime.ts";
import { gatherFiles } from "../../tools/release/release_files.ts";
import { renderSbom } from "../../tools/release/sbom.ts";
import { thirdPartyLicenses } from "../../tools/release/third_party_licenses.ts";

const bundles = await bundlePrograms();
const { tree } = await gatherFiles(ROOT, bundles);

function textOf(path: string): string {
  const file = tree.get(path);
  assert.ok(file !== undefined, path);
  return new TextDecoder().decode(file.content);
}

/** `NAME@VERSION` of all that is in the bundles, by the paths of modules. */
function bundledNames(): string[] {
  const names = bundles.flatMap(({ evaluated, ...main }) =>
    [main, ...evaluated].flatMap(({ sources }) =>
      [...sources.keys()].flatMap((path) =>
        /^node_modules\/\.deno\/([^/]+)\//.exec(path)?.[1] ?? []
      )
    )
  );
  return [...new Set(names)].map((name) => name.replace("+", "/")).sort();
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(join(ROOT, path)));
}

Deno.test("the version of deno.json is that of the programs, and has its heading with its day", async () => {
  assert.equal((await readJson("deno.json")).version, VERSION);
  const [, version, day = ""] =
    /^## (\S+) \((.+)\)$/m.exec(textOf("CHANGELOG.md")) ?? [];
  assert.equal(version, VERSION);
  const days = (Date.parse(day) - RELEASED_AT_MS) / 86_400_000;
  assert.ok(days >= 1 && days < 60, `released ${days} days after it was dated`);
});

Deno.test("the licenses are those of every package in the bundles, each locked", async () => {
  const names = bundledNames();
  assert.ok(names.length > 50, `${names.length} packages`);
  const text = textOf("THIRD_PARTY_LICENSES");
  const told = [...text.matchAll(/^-{72}\n\n(\S+) (\S+)\nLicense: \S/gm)]
    .map(([, name, version]) => `${name}@${version}`);
  assert.deepEqual(told.sort(), names);
  assert.ok(text.includes(`contain these ${names.length} packages`));
  assert.ok(text.includes("TERMS AND CONDITIONS FOR USE, REPRODUCTION"));
  const locked = (await readJson("deno.lock")).npm as Record<string, unknown>;
  for (const name of names) assert.ok(Object.hasOwn(locked, name), name);
});

const PACKAGE: BundledPackage = {
  name: "@a/b",
  version: "1.0.0",
  license: "MIT",
  notices: new Map([["LICENSE", "words of MIT\r\n"]]),
};

Deno.test("a package without the text of its license stops a release", () => {
  assert.match(thirdPartyLicenses([PACKAGE], "ours"), /words of MIT\n/);
  const without = { ...PACKAGE, notices: new Map() };
  assert.throws(
    () => thirdPartyLicenses([without], "ours"),
    /@a\/b 1\.0\.0 is under MIT and has no text of it/,
  );
  const license = "Apache-2.0 OR MIT";
  assert.match(
    thirdPartyLicenses([{ ...without, license }], "ours"),
    /ours\n$/,
  );
});

Deno.test("the inventory has every package with its hash and license, and Deno", () => {
  const sbom = JSON.parse(textOf(`plasm-${VERSION}.cdx.json`));
  assert.equal(sbom.bomFormat, "CycloneDX");
  assert.equal(sbom.specVersion, "1.6");
  assert.equal(sbom.metadata.component.version, VERSION);
  const refs = sbom.components.map((one: Record<string, unknown>) =>
    one["bom-ref"]
  );
  assert.deepEqual(
    refs.toSorted(),
    [...bundledNames(), ...DENO_RUNTIMES.map(({ name }) => name)].sort(),
  );
  for (const { purl, hashes, licenses } of sbom.components) {
    assert.match(
      purl,
      /^pkg:npm\/(%40[a-z0-9-]+\/)?[a-z0-9.-]+@[0-9A-Za-z.-]+$/,
    );
    assert.match(hashes[0].content, /^[0-9a-f]{128}$/);
    assert.equal(licenses.length, 1);
  }
  for (const { ref, dependsOn = [] } of sbom.dependencies) {
    assert.ok(ref === "plasm" || refs.includes(ref), ref);
    for (const needed of dependsOn) assert.ok(refs.includes(needed), needed);
  }
});

Deno.test("a package that is not locked is in no inventory", () => {
  const sources = {
    ...{ version: "1.0.0", releasedAtMs: 0, packages: [PACKAGE] },
    runtimes: [],
  };
  assert.throws(
    () => renderSbom({ ...sources, locked: {} }),
    /@a\/b@1\.0\.0 is not in deno\.lock/,
  );
  const integrity = `sha512-${new Uint8Array(64).fill(0xab).toBase64()}`;
  const locked = { "@a/b@1.0.0": { integrity } };
  assert.match(renderSbom({ ...sources, locked }), /"(ab){64}"/);
});

Deno.test("packages of two bundles are one list", () => {
  const other = { ...PACKAGE, version: "0.9.0" };
  assert.deepEqual(unitePackages([[PACKAGE], [other, PACKAGE]]), [
    other,
    PACKAGE,
  ]);
});

Deno.test("a release has manuals, completions of both programs, examples and the unit", () => {
  for (
    const path of [
      ...["man/plasmd.1", "man/phase_discover.1", "man/provider.toml.5"],
      ...["completions/bash/plasmd", "completions/zsh/_phase_discover"],
      ...["completions/fish/plasmd.fish", "examples/plasmd.service"],
      ...["examples/provider.toml", "LICENSE", "README.md", "plasmd.js"],
    ]
  ) assert.ok(tree.has(path), path);
  assert.ok(tree.get("examples/posix-client.sh")?.isExecutable);
  assert.ok(!tree.has("examples/demo.ts"), "it runs the sources");
});

Deno.test("why there are no executables is one line with the next step", () => {
  const url = "https://dl.example.org/release/v2/denort-x86_64.zip";
  const line = whyNot(
    "x86_64-unknown-linux-gnu",
    `error: Writing\n\nCaused by:\n  1: error sending request for url (${url}): client error\n`,
  );
  assert.equal(
    line,
    `No executables for x86_64-unknown-linux-gnu: their runtime cannot be downloaded from ${url}. ` +
      "Bring denort-x86_64.zip to $DENO_DIR/dl/release/v2 (deno info says where that is), " +
      "or unpack it and say where: DENORT_BIN=/path/to/denort",
  );
  assert.ok(!line.includes("\n"));
  assert.match(
    whyNot("a", "error: disk full\n"),
    /^No .* a: error: disk full$/,
  );
});

Deno.test("the machine of an executable is that of its ELF header", async () => {
  const own = await Deno.readFile(Deno.execPath());
  assert.equal(elfMachine(own), Deno.build.arch === "x86_64" ? 62 : 183);
  assert.equal(
    elfMachine(new TextEncoder().encode("#!/bin/sh\n".repeat(3))),
    undefined,
  );
  assert.equal(elfMachine(own.slice(0, 10)), undefined);
});
