import assert from "node:assert/strict";
import type { Observations } from "../../lib/doctor/observations.ts";
import {
  kernelsAreForeign,
  loopbackIsAllThereIs,
  nothingIsServed,
  whatProviderWarnsOf,
} from "../../lib/doctor/provider_findings.ts";
import { readTrustDocuments } from "../../lib/provider/trust_documents.ts";
import { HEALTHY, PROVIDER } from "../support/doctor_observations.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

/** The healthy host, with what its provider says of itself changed. */
function saying(provider: Partial<typeof PROVIDER>): Observations {
  return { ...HEALTHY, provider: { ...HEALTHY.provider, ...provider } };
}

Deno.test("loopbackIsAllThereIs() tells of an interface that is not there beside one that is", () => {
  const mdns = { ...PROVIDER.mdns, interfaces: ["!e1", "e0", "nope0"] };
  const seen = saying({ mdns: { links: [], ...mdns } });
  const [absent, ...others] = loopbackIsAllThereIs(seen);
  assert.equal(absent?.code, "no_such_interface");
  assert.deepEqual(absent.where, ["nope0"]);
  assert.deepEqual(others, []);
  // Those of another machine are not known.
  assert.deepEqual(loopbackIsAllThereIs({ ...seen, isLocal: false }), []);
});

Deno.test("whatProviderWarnsOf() makes findings of what clients feel of a provider's warnings", () => {
  const warnings = [
    "Cannot read the kernel",
    'The manifest "/srv/stable/arm64/manifest.json" expires at 2026-12-03T00:00:00Z, in 2 days; have its owner renew it',
    "Another machine has this one's DHT identity, at /ip4/10.77.0.9/tcp/4001: clients are sent to either; delete identity.key",
    'The trust document "/state/trust/3.json" expired at 2026-11-01T00:00:00Z, 30 days ago: clients refuse it; sign its successor',
    "Boxes that follow trust document 3 refuse what ed25519:ab signed: 0 of its keys, not 1; sign with keys that it names",
    'Ignoring "/state/trust/4.json": signed.data is not base64',
    'Cannot list "/state/trust": permission denied; no trust document is served',
  ];
  const findings = whatProviderWarnsOf(saying({ warnings }));
  assert.deepEqual(findings.map(({ code }) => code), [
    "expired",
    "expires_soon",
    "identity_copied",
    "signer_not_trusted",
    "trust_not_served",
    "trust_not_served",
  ]);
  assert.equal(findings[1]?.nextStep, "have its owner renew it");
  assert.match(findings[4]?.nextStep ?? "", /plasmd trust verify/);
});

Deno.test("whatProviderWarnsOf() knows warnings about trust documents in the provider's own words", async () => {
  const { signal } = new AbortController();
  const codes = async (fileSystem: MemoryFileSystem) => {
    const { warnings } = await readTrustDocuments("/state/trust", fileSystem, {
      now: Date.parse("2026-12-01T00:00:00Z"),
      signal,
    });
    return whatProviderWarnsOf(saying({ warnings })).map(({ code }) => code);
  };
  const damaged = new MemoryFileSystem().file("/state/trust/1.json", "{");
  assert.deepEqual(await codes(damaged), ["trust_not_served"]);
  const unlisted = new MemoryFileSystem().directory("/state/trust")
    .setReadable("/state/trust", false);
  assert.deepEqual(await codes(unlisted), ["trust_not_served"]);
});

Deno.test("whatProviderWarnsOf() tells that the directory of all images has gone, and not that nothing is served", () => {
  const gone = (reason: string) =>
    saying({
      images: [],
      warnings: [
        `Cannot scan the artifacts directory "/srv": ${reason}. Create it, name another with --artifacts DIR; only what can still be read is offered`,
      ],
    });
  const seen = gone("there is no such directory");
  const [finding, ...others] = whatProviderWarnsOf(seen);
  assert.equal(finding?.code, "artifacts_unreadable");
  assert.deepEqual(finding.where, ["/srv"]);
  assert.match(finding.nextStep, /^create it/);
  assert.deepEqual([...others, ...nothingIsServed(seen)], []);
  const [denied] = whatProviderWarnsOf(
    gone('Cannot list "/srv": permission denied'),
  );
  assert.match(denied?.nextStep ?? "", /^let the user of plasmd read it/);
});

Deno.test("kernelsAreForeign() says where a kernel belongs", () => {
  const foreignKernels = new Map([["stable/arm64", "x86_64"]]);
  assert.deepEqual(kernelsAreForeign(HEALTHY), []);
  const [finding] = kernelsAreForeign({ ...HEALTHY, foreignKernels });
  assert.equal(finding?.code, "kernel_of_other_arch");
  assert.deepEqual(finding.where, ["stable/arm64"]);
  assert.match(finding.cause, /made for x86_64/);
  assert.match(finding.nextStep, /to stable\/x86_64$/);
});
