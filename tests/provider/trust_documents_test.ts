import assert from "node:assert/strict";
import { SystemLimitError } from "../../lib/core/file_system.ts";
import {
  readTrustDocuments,
  signerWarnings,
  type TrustDocuments,
  watchTrustDocuments,
} from "../../lib/provider/trust_documents.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const { signal } = new AbortController();
const [alice, bob, carol] = await Promise.all([
  testSigningKey(1),
  testSigningKey(2),
  testSigningKey(3),
]);
const EXPIRES = "2026-12-01T12:00:00Z";

const v2 = await sealTrustRoot(
  trustRoot([bob], { trust_version: 2, expires_at: EXPIRES }),
  [alice, bob],
);
const v3 = await sealTrustRoot(
  trustRoot([carol], { trust_version: 3 }),
  [bob, carol],
);

function directory(
  files: Readonly<Record<string, string | Uint8Array>>,
): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem().directory("/trust");
  for (const [name, content] of Object.entries(files)) {
    fileSystem.file(`/trust/${name}`, content);
  }
  return fileSystem;
}

/** The numbers that are served, and the warnings. */
async function read(fileSystem: MemoryFileSystem) {
  const { documents, warnings } = await readTrustDocuments(
    "/trust",
    fileSystem,
    { now: NOW, signal },
  );
  return { numbers: [...documents.keys()], documents, warnings };
}

Deno.test("readTrustDocuments() gives nothing where there is no directory", async () => {
  assert.deepEqual(await read(new MemoryFileSystem()), {
    numbers: [],
    documents: new Map(),
    warnings: [],
  });
});

Deno.test("readTrustDocuments() gives the bytes by number, and ignores other files", async () => {
  const { documents, warnings } = await read(directory({
    "3.json": v3,
    "2.json": v2,
    "2.toml": "x",
    "02.json": "x",
    "0.json": "x",
    "1234567.json": "x",
    "2.json.tmp": "x",
  }));
  assert.deepEqual([...documents], [[2, v2], [3, v3]]);
  assert.deepEqual(warnings, []);
});

Deno.test("readTrustDocuments() reads again only what has changed", async () => {
  const fileSystem = directory({ "2.json": v2 });
  let before: TrustDocuments | undefined;
  const look = async (now = NOW) => {
    fileSystem.read.length = 0;
    before = await readTrustDocuments("/trust", fileSystem, {
      before,
      now,
      signal,
    });
    return before;
  };
  const first = await look();
  assert.deepEqual(fileSystem.read, ["/trust/2.json"]);
  const second = await look(Date.parse(EXPIRES));
  assert.deepEqual(fileSystem.read, []);
  assert.equal(second.documents, first.documents);
  // What ends with time is said all the same.
  assert.match(second.warnings.join(), /2\.json" expired at/);
  fileSystem.file("/trust/3.json", v3);
  assert.deepEqual([...(await look()).documents.keys()], [2, 3]);
  assert.deepEqual(fileSystem.read, ["/trust/2.json", "/trust/3.json"]);
});

Deno.test("readTrustDocuments() orders by number, not by name", async () => {
  const roots = await Promise.all(
    [9, 10].map((number) =>
      sealTrustRoot(trustRoot([bob], { trust_version: number }), [bob])
    ),
  );
  const { numbers } = await read(directory({
    "10.json": roots[1] ?? "",
    "9.json": roots[0] ?? "",
  }));
  assert.deepEqual(numbers, [9, 10]);
});

Deno.test("readTrustDocuments() says which document is under another number", async () => {
  const { numbers, warnings } = await read(directory({ "4.json": v3 }));
  assert.deepEqual(numbers, []);
  assert.deepEqual(warnings, [
    'Ignoring "/trust/4.json": it says trust_version 3',
  ]);
});

Deno.test("readTrustDocuments() does not serve what the keys before have not signed", async () => {
  const stranger = await sealTrustRoot(
    trustRoot([carol], { trust_version: 3 }),
    [carol],
  );
  const { numbers, warnings } = await read(
    directory({ "2.json": v2, "3.json": stranger }),
  );
  assert.deepEqual(numbers, [2]);
  assert.equal(warnings.length, 2, "the newest one is 2.json, which expires");
  assert.equal(
    warnings[0],
    'Ignoring "/trust/3.json": signed by none of the trusted keys',
  );
});

Deno.test("readTrustDocuments() does not serve what its own keys have not signed, whether the one before is there or not", async () => {
  const unheld = await sealTrustRoot(
    trustRoot([carol], { trust_version: 3 }),
    [bob],
  );
  for (const before of [{}, { "2.json": v2 }]) {
    const { numbers, warnings } = await read(
      directory({ ...before, "3.json": unheld }),
    );
    assert.equal(numbers.includes(3), false);
    assert.equal(
      warnings[0],
      'Ignoring "/trust/3.json": signed by 0 of its own successor keys, not by 1',
    );
  }
});

Deno.test("readTrustDocuments() says which file is no trust document", async () => {
  const { numbers, warnings } = await read(
    directory({ "2.json": "{}", "3.json": v3 }),
  );
  assert.deepEqual(numbers, [3]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^Ignoring "\/trust\/2\.json": /);
});

/** What must not keep the other documents, or any image, from being served. */
const UNREADABLE: readonly [
  what: string,
  make: (fileSystem: MemoryFileSystem) => unknown,
  reason: RegExp,
][] = [
  ["a directory", (fs) => fs.directory("/trust/2.json"), /regular file$/],
  ["a FIFO", (fs) => fs.special("/trust/2.json"), /regular file$/],
  [
    "a link to nothing",
    (fs) => fs.link("/trust/2.json", "/none"),
    /regular file$/,
  ],
  [
    "links in a circle",
    (fs) => fs.link("/trust/2.json", "/trust/2.json"),
    /symbolic links form a loop/,
  ],
  [
    "a file of somebody else",
    (fs) => fs.file("/trust/2.json", v2).setReadable("/trust/2.json", false),
    /permission denied$/,
  ],
  [
    "a file that is too large",
    (fs) => fs.file("/trust/2.json", new Uint8Array(2 << 20)),
    /./,
  ],
  [
    "a file that is not UTF-8",
    (fs) => fs.file("/trust/2.json", new Uint8Array([0x7b, 0xff, 0x7d])),
    /./,
  ],
  ["an empty file", (fs) => fs.file("/trust/2.json", ""), /./],
];

for (const [what, make, reason] of UNREADABLE) {
  Deno.test(`readTrustDocuments() says that ${what} is ignored, and serves the others`, async () => {
    const fileSystem = directory({ "3.json": v3 });
    make(fileSystem);
    const { numbers, warnings } = await read(fileSystem);
    assert.deepEqual(numbers, [3]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^Ignoring "\/trust\/2\.json": /);
    assert.match(warnings[0] ?? "", reason);
  });
}

Deno.test("readTrustDocuments() says that the directory cannot be read", async () => {
  const fileSystem = directory({ "3.json": v3 }).setReadable("/trust", false);
  const { numbers, warnings } = await read(fileSystem);
  assert.deepEqual(numbers, []);
  assert.deepEqual(warnings, [
    'Cannot list "/trust": permission denied; no trust document is served',
  ]);
});

Deno.test("readTrustDocuments() does not take a want of file descriptors for a fault of the documents", async () => {
  const fileSystem = directory({ "3.json": v3 });
  fileSystem.isExhausted = true;
  await assert.rejects(read(fileSystem), SystemLimitError);
});

Deno.test("readTrustDocuments() warns of the expiry of the newest document alone", async () => {
  const last = await read(directory({ "2.json": v2 }));
  assert.deepEqual(last.numbers, [2]);
  assert.deepEqual(last.warnings, [
    `The trust document "/trust/2.json" expires at ${EXPIRES}, in 9 days; ` +
    "sign its successor with: plasmd trust sign",
  ]);
  const succeeded = await read(directory({ "2.json": v2, "3.json": v3 }));
  assert.deepEqual(succeeded.warnings, []);
});

Deno.test("signerWarnings() says whose images the newest document is not for, one line for each choice of signers", async () => {
  const [a, b, c] = [alice, bob, carol].map(({ publicKey }) => publicKey.keyId);
  const signedBy = (...keyIds: (string | undefined)[]) => ({
    manifest: {
      bytes: new Uint8Array(),
      sha256: "",
      expiresAtMs: NOW,
      signedBy: keyIds.flatMap((keyId) => keyId ?? []),
    },
  });
  const says = (signers: string, count: string) =>
    `Boxes that follow trust document 3 refuse what ${signers} signed: ` +
    `${count}; sign with keys that it names, or create a successor that names ` +
    "these with: plasmd trust sign";
  const trust = await readTrustDocuments(
    "/trust",
    directory({ "2.json": v2, "3.json": v3 }),
    { now: NOW, signal },
  );
  assert.deepEqual(
    signerWarnings(trust, [
      signedBy(c),
      signedBy(a),
      signedBy(a),
      signedBy(a, b),
      signedBy(b, c),
    ]),
    [
      says(`${a}`, "0 of its keys, not 1"),
      says(`${a}, ${b}`, "0 of its keys, not 1"),
    ],
  );
  const both = trustRoot([alice, bob], { trust_version: 3, threshold: 2 });
  assert.deepEqual(
    signerWarnings({ newest: both }, [signedBy(a), signedBy(a, b)]),
    [says(`${a}`, "1 of its keys, not 2")],
  );
  assert.deepEqual(signerWarnings({ newest: undefined }, [signedBy(a)]), []);
});

Deno.test("watchTrustDocuments() tells of what comes, changes and goes, until it is disposed of", async () => {
  const fileSystem = new MemoryFileSystem();
  const clock = new FakeClock();
  let told = 0;
  const watch = watchTrustDocuments(
    "/trust",
    { fileSystem, clock },
    () => told++,
  );
  const isTold = async (change: () => unknown) => {
    const before = told;
    change();
    await clock.advance(1000);
    return told > before;
  };
  const put = (name: string, bytes: Uint8Array) => () =>
    fileSystem.file(`/trust/${name}`, bytes);
  await clock.advance(5000);
  assert.equal(told, 0);
  assert.ok(await isTold(() => fileSystem.directory("/trust")) === false);
  assert.ok(await isTold(put("2.json", v2)));
  assert.ok(await isTold(put("2.json", v3)));
  assert.equal(await isTold(put("notes.txt", v3)), false);
  assert.ok(await isTold(() => fileSystem.setReadable("/trust", false)));
  assert.ok(await isTold(() => fileSystem.setReadable("/trust", true)));
  assert.ok(await isTold(() => fileSystem.remove("/trust/2.json")));
  watch[Symbol.dispose]();
  assert.equal(await isTold(put("2.json", v2)), false);
  assert.equal(clock.pending, 0);
});
