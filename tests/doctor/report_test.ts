import assert from "node:assert/strict";
import type { Finding } from "../../lib/doctor/finding.ts";
import { doctorDocument, doctorLines } from "../../lib/doctor/report.ts";
import { HEALTHY } from "../support/doctor_observations.ts";

const SEEN = {
  ...HEALTHY,
  provider: { ...HEALTHY.provider, warnings: ["a file is passed over"] },
  passedOver: [{
    interfaceName: "docker0",
    addresses: ["172.17.0.1"],
    reason: "it leads to containers",
  }],
  notLookedAt: ["the far side"],
};

const FINDING: Finding = {
  code: "multicast_dropped",
  where: ["e0 10.77.0.1", "e1 10.78.0.1"],
  cause: "a firewall drops it",
  nextStep: "let it in",
};

Deno.test("doctorLines() says what was seen, what was not, and each finding with its next step", () => {
  assert.deepEqual(doctorLines(SEEN, [FINDING]), [
    "provider  lab  http://127.0.0.1:8080  plasmd 1.2.3",
    "link      e0 10.77.0.1  a client hears stable/arm64 at http://10.77.0.1:8080",
    "unused    docker0 172.17.0.1: it leads to containers",
    "warning   a file is passed over",
    "unseen    the far side",
    "FINDING   multicast_dropped  e0 10.77.0.1, e1 10.78.0.1",
    "          cause: a firewall drops it",
    "          next:  let it in",
    "          see:   docs/troubleshooting.md#multicast_dropped",
    "1 finding",
  ]);
  const none = doctorLines({ ...HEALTHY, provider: undefined, links: [] }, []);
  assert.deepEqual(none, [
    "provider  none answers",
    "Nothing was found that keeps clients from the images",
  ]);
});

Deno.test("doctorDocument() says the same for programs", () => {
  assert.deepEqual(doctorDocument(SEEN, [FINDING]), {
    provider: { url: "http://127.0.0.1:8080", name: "lab", version: "1.2.3" },
    is_local: true,
    links: [{
      interface: "e0",
      addresses: ["10.77.0.1"],
      multicast: true,
      heard: [{
        channel: "stable",
        arch: "arm64",
        manifest_url: "http://10.77.0.1:8080/stable/arm64/manifest.json",
      }],
    }],
    passed_over: [{
      interface: "docker0",
      addresses: ["172.17.0.1"],
      reason: "it leads to containers",
    }],
    not_looked_at: ["the far side"],
    warnings: ["a file is passed over"],
    findings: [{
      code: "multicast_dropped",
      where: ["e0 10.77.0.1", "e1 10.78.0.1"],
      cause: "a firewall drops it",
      next_step: "let it in",
      page: "docs/troubleshooting.md#multicast_dropped",
    }],
  });
  assert.equal(
    doctorDocument({ ...SEEN, provider: undefined }, []).provider,
    null,
  );
});
