import assert from "node:assert/strict";
import { machineSection } from "../../../lib/http/status/machine_section.ts";
import type { Snapshot } from "../../../lib/http/status/snapshot.ts";
import type { MachineState } from "../../../lib/machines/machine_steps.ts";
import { silentProvider } from "../../support/http_fixture.ts";

const MACHINE: MachineState = {
  id: "52:54:00:12:34:56",
  step: "kernel",
  what: "kernel sent",
  sinceMs: 0,
  isStuck: false,
};

/** What is shown of machines, seven minutes after the first. */
async function sectionOf(
  ...machines: readonly MachineState[]
): Promise<string> {
  const snapshot: Snapshot = {
    nowMs: 7 * 60_000,
    provider: silentProvider(),
    images: [],
    trustDocuments: new Map(),
    machines: { list: () => [...machines], counts: () => new Map() },
    requests: [],
    downloads: {
      ...{ running: 0, limit: 1, done: 0, broken: 0, displaced: 0 },
      ...{ refused: 0, sentBytes: 0 },
    },
    recentDownloads: [],
  };
  return String(await machineSection(snapshot));
}

function text(html: string): string {
  return html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
}

Deno.test("machineSection() is nothing where no machine booted", async () => {
  assert.equal(await sectionOf(), "");
});

Deno.test("machineSection() shows each machine, and which is stuck", async () => {
  const section = await sectionOf(
    {
      ...MACHINE,
      ...{ name: "rack1-07", client: "10.0.0.7", firmware: "UEFI x86_64" },
      ...{ image: "stable/x86_64", isStuck: true },
    },
    { ...MACHINE, id: "10.0.0.8", client: "10.0.0.8" },
  );
  assert.match(
    text(section),
    / rack1-07 52:54:00:12:34:56 UEFI x86_64 10\.0\.0\.7 stable\/x86_64 kernel sent stuck for 7 min 10\.0\.0\.8 kernel sent 7 min ago /,
  );
  assert.doesNotMatch(section, /type="search"/);
});

Deno.test("machineSection() has a search for many, and no more than a page holds", async () => {
  const many = Array.from(
    { length: 1003 },
    (_, i) => ({ ...MACHINE, id: `10.0.${i >> 8}.${i & 255}` }),
  );
  const section = await sectionOf(...many);
  assert.match(section, /<input type="search" data-finds="machine"/);
  assert.equal(section.match(/data-found="machine"/g)?.length, 1000);
  assert.match(text(section), / 3 more are in status /);
});

Deno.test("machineSection() shows text of others as text", async () => {
  const evil = "<script>alert(1)</script>\"'&\u202e";
  const section = await sectionOf({
    ...MACHINE,
    ...{ id: evil, name: evil, client: evil, image: evil, what: evil },
    firmware: evil,
  });
  assert.doesNotMatch(section, /<script>|\u202e/);
});
