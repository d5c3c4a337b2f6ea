import assert from "node:assert/strict";
import type { CandidateRefusalCode } from "../../lib/discover/candidate_refusal.ts";
import type { DiscoveryResult } from "../../lib/discover/discover.ts";
import {
  progressLine,
  reportDiscovery,
  type ReportOptions,
  versionConflict,
} from "../../lib/discover/report.ts";
import { candidate, verified } from "../support/memory_source.ts";

const OPTIONS: ReportOptions = {
  image: { channel: "stable", arch: "arm64" },
  timeoutSeconds: 3,
  format: "text",
  quiet: false,
  all: false,
  explain: false,
};

const NOTHING: DiscoveryResult = {
  providers: [],
  refused: [],
  others: [],
  problems: [],
  unanswered: [],
  isTimeUp: true,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

function provider(host: string): DiscoveryResult["providers"][number] {
  return {
    candidate: candidate(host, { peerId: "12D3" }),
    ...verified(),
    elapsedMs: 41.7,
  };
}

const FOUND = { ...NOTHING, providers: [provider("a"), provider("b")] };

Deno.test("reportDiscovery() prints MANIFEST_URL=, or the bare URL when quiet", () => {
  const url = "http://a/stable/arm64/manifest.json";
  const text = reportDiscovery(FOUND, OPTIONS);
  assert.deepEqual(text.stdout, [`MANIFEST_URL=${url}`]);
  assert.deepEqual(text.messages, []);
  assert.equal(text.exitCode, 0);
  const quiet = reportDiscovery(FOUND, { ...OPTIONS, quiet: true });
  assert.deepEqual(quiet.stdout, [url]);
});

Deno.test("versionConflict() names providers whose one key signs a version twice, or a content", () => {
  const signed = (
    host: string,
    manifestVersion: number,
    content: string,
    ...verifiedBy: string[]
  ) => ({
    candidate: candidate(host),
    ...verified({ manifestVersion, contentSha256: content, verifiedBy }),
    elapsedMs: 1,
  });
  const one = signed("a", 5, "x", "k1", "k2");
  const conflicts: readonly (readonly [ReturnType<typeof signed>, RegExp])[] = [
    [
      signed("b", 5, "y", "k2"),
      /a\/stable.* and .*b\/stable.* different content as manifest_version 5 with one key/,
    ],
    [
      signed("b", 4, "x", "k1"),
      /the same content as manifest_version 5 and 4 /,
    ],
  ];
  for (const [other, text] of conflicts) {
    const among = [one, signed("c", 5, "x", "k1"), other];
    assert.match(versionConflict(among) ?? "", text);
  }
  const others = [
    signed("b", 5, "x", "k1"),
    signed("b", 4, "y", "k1"),
    signed("b", 5, "y", "k3"),
    signed("b", 4, "x"),
  ];
  for (const other of others) {
    assert.equal(versionConflict([one, other]), undefined);
  }
});

Deno.test("reportDiscovery() with all tells who was refused, unless quiet", () => {
  const refused = [{
    manifestUrl: new URL("http://c/manifest.json"),
    refusal: { code: "slow", message: "no answer" },
  }] as const;
  const messages = (changes: Partial<ReportOptions>) =>
    reportDiscovery({ ...FOUND, refused }, { ...OPTIONS, ...changes })
      .messages.join("\n");
  assert.match(messages({ all: true }), /^No manifest from http:\/\/c\//m);
  assert.equal(messages({ all: true, quiet: true }), "");
  assert.equal(messages({}), "");
});

Deno.test("reportDiscovery() prints one line or array element a provider with all", () => {
  const text = reportDiscovery(FOUND, { ...OPTIONS, all: true, quiet: true });
  assert.deepEqual(text.stdout, [
    "http://a/stable/arm64/manifest.json",
    "http://b/stable/arm64/manifest.json",
  ]);
  const json = reportDiscovery(FOUND, {
    ...OPTIONS,
    all: true,
    format: "json",
  });
  assert.equal(json.stdout.length, 1);
  assert.equal(JSON.parse(json.stdout[0] ?? "").length, 2);
});

Deno.test("reportDiscovery() prints one JSON object with the contract's fields", () => {
  const { stdout } = reportDiscovery(FOUND, { ...OPTIONS, format: "json" });
  assert.deepEqual(JSON.parse(stdout[0] ?? ""), {
    channel: "stable",
    arch: "arm64",
    manifest_url: "http://a/stable/arm64/manifest.json",
    manifest_sha256: "2".repeat(64),
    version: "2026.11.22",
    peer_id: "12D3",
    provider_name: null,
    source: "mdns",
    verified_by: [],
    artifacts: {
      kernel: {
        filename: "vmlinuz",
        hash: `sha256:${"0".repeat(64)}`,
        size: 1,
        urls: ["http://a/stable/arm64/vmlinuz"],
      },
    },
    elapsed_ms: 42,
    refused: [],
  });
});

Deno.test("reportDiscovery() gives what a script holds its own downloads against", () => {
  const { candidate, manifest, ...rest } = provider("a");
  const file = (filename: string) => ({
    ...manifest.kernel,
    filename,
    urls: [filename, "/blobs/sha256/ab"],
  });
  const { stdout } = reportDiscovery({
    ...NOTHING,
    providers: [{
      candidate,
      ...rest,
      manifest: {
        ...manifest,
        cmdline: 'q="a b" quiet',
        initramfs: file("initrd.img"),
        rootfs: file("rootfs.squashfs"),
        dtbs: [file("dtbs/a.dtb")],
        files: [file("ucode.img")],
        initrds: ["ucode.img", "initrd.img"],
      },
    }],
  }, { ...OPTIONS, format: "json" });
  const { artifacts, cmdline, initrds } = JSON.parse(stdout[0] ?? "");
  assert.equal(cmdline, 'q="a b" quiet');
  assert.deepEqual(initrds, ["ucode.img", "initrd.img"]);
  assert.deepEqual(artifacts.initramfs.filename, "initrd.img");
  assert.deepEqual(artifacts.rootfs.filename, "rootfs.squashfs");
  assert.deepEqual(Object.keys(artifacts.files), ["ucode.img"]);
  assert.deepEqual(artifacts.dtbs["dtbs/a.dtb"].urls, [
    "http://a/stable/arm64/dtbs/a.dtb",
    "http://a/blobs/sha256/ab",
  ]);
});

Deno.test("reportDiscovery() of nothing says what was tried and what exists, and ends with 3", () => {
  const { stdout, messages, exitCode } = reportDiscovery({
    ...NOTHING,
    others: [{ channel: "testing", arch: "arm64" }],
    problems: ["Asked by mDNS on lo 127.0.0.1"],
  }, OPTIONS);
  assert.deepEqual(stdout, []);
  assert.deepEqual(messages, [
    "Cannot find stable/arm64: no provider answered within 3 s",
    "Asked by mDNS on lo 127.0.0.1",
    "Available: testing/arm64",
  ]);
  assert.equal(exitCode, 3);
});

/** The report of a failure, with a provider for each code. */
function failed(
  codes: CandidateRefusalCode[],
  format: "text" | "json" = "text",
) {
  return reportDiscovery({
    ...NOTHING,
    refused: codes.map((code, i) => ({
      manifestUrl: new URL(`http://${"abc"[i]}/m`),
      refusal: { code, message: "because" },
    })),
  }, { ...OPTIONS, format });
}

Deno.test("reportDiscovery() ends with 4 when a manifest was refused, even if others could not be reached", () => {
  for (
    const codes of [
      ["bad_signature"],
      ["malformed"],
      ["too_large"],
      ["unreachable", "expired"],
      ["expired", "slow", "status"],
    ] as const
  ) {
    const { exitCode, messages, stdout } = failed([...codes], "json");
    assert.equal(exitCode, 4, codes.join());
    assert.match(messages[0] ?? "", /every manifest was refused/);
    assert.equal(JSON.parse(stdout[0] ?? "").reason, "refused");
  }
  const { stdout, messages } = failed(["bad_signature"], "json");
  assert.deepEqual(JSON.parse(stdout[0] ?? "").refused, [
    { manifest_url: "http://a/m", reason: "bad_signature", message: "because" },
  ]);
  assert.ok(messages.includes("Refused http://a/m: because (bad_signature)"));
});

Deno.test("reportDiscovery() ends with 3 when no manifest came from anybody", () => {
  const codes = [
    ...["unreachable", "slow", "status", "truncated"] as const,
    ...["redirect", "scheme"] as const,
  ];
  for (const code of codes) {
    const { exitCode, messages, stdout } = failed([code], "json");
    assert.equal(exitCode, 3, code);
    assert.ok(
      messages.includes(`No manifest from http://a/m: because (${code})`),
    );
    const { reason, error, refused } = JSON.parse(stdout[0] ?? "");
    assert.equal(reason, "unreachable");
    assert.equal(error, messages[0]);
    assert.equal(refused[0].reason, code);
  }
  const nobody = reportDiscovery(NOTHING, { ...OPTIONS, format: "json" });
  assert.equal(JSON.parse(nobody.stdout[0] ?? "").reason, "nobody");
});

Deno.test("reportDiscovery() says how many were found and not reached", () => {
  const cases = [
    [["slow"], "1 provider found, none could be reached"],
    [["slow", "unreachable"], "2 providers found, none could be reached"],
    [["status"], "1 provider found, none sent a manifest"],
    [["slow", "truncated"], "2 providers found, none sent a manifest"],
  ] as const;
  for (const [codes, says] of cases) {
    const { messages } = failed([...codes]);
    assert.equal(messages[0], `Cannot find stable/arm64: ${says}`);
  }
});

Deno.test("reportDiscovery() counts a provider once, and names each address that was tried", () => {
  const refusal = { code: "unreachable", message: "no route" } as const;
  const { messages } = reportDiscovery({
    ...NOTHING,
    refused: [
      { manifestUrl: new URL("http://a/m"), refusal },
      { manifestUrl: new URL("http://b/m"), refusal, isOtherAddress: true },
    ],
  }, OPTIONS);
  assert.deepEqual(messages.slice(0, 3), [
    "Cannot find stable/arm64: 1 provider found, none could be reached",
    "No manifest from http://a/m: no route (unreachable)",
    "No manifest from http://b/m: no route (unreachable)",
  ]);
});

Deno.test("reportDiscovery() says that there is no address, unless somebody was heard all the same", () => {
  const options = { ...OPTIONS, noNetwork: "eth0 is up but has no address" };
  const json = (result: DiscoveryResult) =>
    JSON.parse(
      reportDiscovery(result, { ...options, format: "json" }).stdout[0] ?? "",
    );
  const { messages, exitCode } = reportDiscovery(NOTHING, options);
  assert.equal(
    messages[0],
    "Cannot find stable/arm64: eth0 is up but has no address: did DHCP work?",
  );
  assert.equal(exitCode, 3);
  assert.equal(json(NOTHING).reason, "no_address");
  const others = [{ channel: "testing", arch: "arm64" }];
  assert.equal(json({ ...NOTHING, others }).reason, "nobody");
  const refusal = { code: "slow", message: "no answer" } as const;
  const refused = [{ manifestUrl: new URL("http://c/m"), refusal }];
  assert.equal(json({ ...NOTHING, refused }).reason, "unreachable");
});

Deno.test("reportDiscovery() does not say that time was up where it was not", () => {
  const { messages } = reportDiscovery({ ...NOTHING, isTimeUp: false }, {
    ...OPTIONS,
  });
  assert.equal(
    messages[0],
    "Cannot find stable/arm64: there is nobody to ask",
  );
});

Deno.test("reportDiscovery() explains which provider was chosen, and why no other", () => {
  const { messages } = reportDiscovery({
    ...FOUND,
    unanswered: [new URL("http://c/manifest.json")],
  }, { ...OPTIONS, explain: true });
  assert.deepEqual(messages.slice(-3), [
    "Chosen http://a/stable/arm64/manifest.json: by mdns, manifest_version 1, verified by no key, after 42 ms",
    "Not chosen http://b/stable/arm64/manifest.json: as good, but named later",
    "Not chosen http://c/manifest.json: its manifest had not come yet",
  ]);
  const all = reportDiscovery(FOUND, { ...OPTIONS, all: true });
  assert.ok(!all.messages.join().includes("hosen"), "all are listed");
});

Deno.test("progressLine() says how long, and what is known, on one line of the terminal", () => {
  const line = (soFar: DiscoveryResult, columns = 200) =>
    progressLine(soFar, OPTIONS, { elapsedMs: 2999, columns });
  const prefix = "Looking for stable/arm64, 2 of 3 s: ";
  assert.equal(line(NOTHING), `${prefix}nobody is asked yet`);
  const problems = ["Asked by mDNS on e0 10.77.0.2"];
  assert.equal(
    line({ ...NOTHING, problems }),
    `${prefix}Asked by mDNS on e0 10.77.0.2`,
  );
  const refusal = { code: "slow", message: "no answer yet" } as const;
  const refused = [{ manifestUrl: new URL("http://c/m"), refusal }];
  assert.equal(
    line({ ...NOTHING, problems, refused }),
    `${prefix}1 provider found, no manifest yet: no answer yet`,
  );
  assert.equal(
    line({ ...FOUND, problems, refused }),
    `${prefix}2 providers found`,
  );
  assert.equal(line(NOTHING, 20).length, 19, "cut before the edge");
});
