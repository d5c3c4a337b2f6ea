import assert from "node:assert/strict";
import type { MachineRow } from "../../lib/machines/machine_rows.ts";
import {
  MachineSteps,
  MAX_MACHINES,
  STUCK_AFTER_MS,
} from "../../lib/machines/machine_steps.ts";

const MAC = "52:54:00:12:34:56";
const IP = "10.0.0.7";
const FILES = [["stable/x86_64/vmlinuz"], ["stable/x86_64/initrd.img"]];

function openSteps(rows: readonly MachineRow[] = []) {
  const lab = { nowMs: 1_000_000, lines: new Array<string>(), rows };
  const steps = new MachineSteps({
    rows: () => lab.rows,
    now: () => lab.nowMs,
    say: (line) => lab.lines.push(line),
  });
  return Object.assign(lab, { steps });
}

Deno.test("MachineSteps says one line for each step, with name and firmware", () => {
  const lab = openSteps([{ mac: MAC, name: "rack1-07", boot: "menu" }]);
  const { steps } = lab;
  steps.note({
    mac: MAC,
    firmware: "UEFI x86_64",
    step: "offered",
    what: "offered stable/x86_64 by HTTP",
  });
  steps.note({ mac: MAC, client: IP, step: "loader", what: "loader sent" });
  steps.note({ client: IP, step: "script", what: "script", files: FILES });
  steps.sent(IP, "stable/x86_64/vmlinuz");
  steps.sent("10.0.0.8", "stable/x86_64/initrd.img");
  assert.equal(steps.list()[0]?.step, "kernel");
  steps.sent(IP, "stable/x86_64/initrd.img");
  const title = `${MAC} (rack1-07) UEFI x86_64: `;
  assert.deepEqual(lab.lines, [
    `${title}offered stable/x86_64 by HTTP`,
    `${title}loader sent`,
    `${title}script`,
    `${title}kernel sent`,
    `${title}all of it sent`,
  ]);
  assert.deepEqual([...steps.counts()], [
    ["offered", 1],
    ["loader", 1],
    ["script", 1],
    ["kernel", 1],
    ["done", 1],
  ]);
  // A root file system that the booted system reads later is none of it.
  steps.sent(IP, "stable/x86_64/rootfs.squashfs");
  assert.equal(lab.lines.length, 5);
});

Deno.test("MachineSteps takes an IP address for a machine until its MAC is told", () => {
  const { steps, lines } = openSteps();
  steps.note({
    client: IP,
    firmware: "UEFI arm64",
    step: "loader",
    what: "loader sent",
  });
  assert.equal(steps.list()[0]?.id, IP);
  steps.note({ mac: MAC, client: IP, step: "script", what: "menu" });
  assert.deepEqual(steps.list().map(({ id, firmware }) => [id, firmware]), [
    [MAC, "UEFI arm64"],
  ]);
  assert.deepEqual(lines.slice(0, 2), [
    `${IP} UEFI arm64: loader sent`,
    `${MAC} UEFI arm64: menu`,
  ]);
  const other = { mac: "52:54:00:00:00:02", step: "offered", what: "offered" };
  steps.note({ ...other, step: "offered" });
  steps.note({ client: "10.0.0.9", step: "loader", what: "loader sent" });
  steps.note({ ...other, client: "10.0.0.9", step: "script" });
  assert.deepEqual(steps.list().map(({ id }) => id), [other.mac, MAC]);
  steps.note({ step: "seen", what: "of nobody" });
  assert.equal(steps.list().length, 2);
  assert.ok(steps.knows(IP));
  assert.ok(!steps.knows("10.0.0.8"));
});

Deno.test("MachineSteps gives an IP address to the machine that had it last", () => {
  const { steps } = openSteps();
  const other = "52:54:00:00:00:02";
  steps.note({ mac: MAC, client: IP, step: "script", what: "a", files: FILES });
  steps.note({
    mac: other,
    client: IP,
    step: "script",
    what: "b",
    files: FILES,
  });
  steps.sent(IP, "stable/x86_64/vmlinuz");
  assert.deepEqual(steps.list().map(({ id, step }) => [id, step]), [
    [other, "kernel"],
    [MAC, "script"],
  ]);
});

Deno.test("MachineSteps knows a machine again by what it was offered, where nobody else was", () => {
  const lab = openSteps();
  const { steps } = lab;
  const offered = { step: "offered", what: "offered", image: "x/y" } as const;
  const loader = { step: "loader", what: "sent", file: "a.efi" } as const;
  steps.note({ ...offered, mac: MAC, file: "a.efi" });
  steps.note({ ...loader, client: IP });
  assert.deepEqual(steps.list().map(({ id, step }) => [id, step]), [
    [MAC, "loader"],
  ]);
  // Of two that were offered the same, nobody knows which it is.
  for (const digit of "12") {
    const mac = `52:54:00:00:00:0${digit}`;
    steps.note({ ...offered, mac, file: "a.efi" });
  }
  steps.note({ ...loader, client: "10.0.0.9" });
  assert.equal(steps.list()[0]?.id, "10.0.0.9");
  steps.note({ ...offered, mac: "52:54:00:00:00:03", file: "b.efi" });
  lab.nowMs += 60_000;
  steps.note({ ...loader, client: "10.0.0.10", file: "b.efi" });
  assert.equal(steps.list()[0]?.id, "10.0.0.10", "too late");
});

Deno.test("MachineSteps is done with a machine that was offered the image itself", () => {
  const { steps, lines } = openSteps();
  const file = "stable/x86_64/linux.efi";
  steps.note({ mac: MAC, step: "offered", what: "offered", file });
  steps.sent(IP, "stable/x86_64/notes.txt");
  assert.equal(steps.list()[0]?.step, "offered");
  steps.sent(IP, file);
  assert.deepEqual(lines, [`${MAC}: offered`, `${MAC}: all of it sent`]);
  assert.ok(steps.knows(IP));
});

Deno.test("MachineSteps says what firmware repeats once, and again after a while", () => {
  const lab = openSteps();
  const offer = { mac: MAC, step: "offered", what: "offered x" } as const;
  for (const afterMs of [0, 4000, 8000, 16_000, 1500]) {
    lab.nowMs += afterMs;
    lab.steps.note(offer);
  }
  assert.equal(lab.lines.length, 1);
  assert.equal(lab.steps.list()[0]?.sinceMs, 1_000_000);
  lab.nowMs += 60_000;
  lab.steps.note(offer);
  assert.equal(lab.lines.length, 2);
});

Deno.test("MachineSteps forgets with a new boot what the one before was about", () => {
  const { steps } = openSteps();
  steps.note({
    mac: MAC,
    client: IP,
    step: "script",
    what: "script",
    image: "stable/x86_64",
    files: FILES,
  });
  assert.equal(steps.list()[0]?.image, "stable/x86_64");
  steps.note({ mac: MAC, step: "offered", what: "offered" });
  assert.equal(steps.list()[0]?.image, undefined);
  steps.sent(IP, "stable/x86_64/vmlinuz");
  assert.equal(steps.list()[0]?.step, "offered");
});

Deno.test("MachineSteps tells what is stuck from what is done or was offered nothing", () => {
  const lab = openSteps();
  const at = (mac: string, step: "seen" | "loader" | "done") =>
    lab.steps.note({ mac, step, what: step });
  at("52:54:00:00:00:01", "seen");
  at("52:54:00:00:00:02", "loader");
  at("52:54:00:00:00:03", "done");
  const stuck = () =>
    lab.steps.list().filter(({ isStuck }) => isStuck).map(({ step }) => step);
  lab.nowMs += STUCK_AFTER_MS - 1;
  assert.deepEqual(stuck(), []);
  lab.nowMs += 1;
  assert.deepEqual(stuck(), ["loader"]);
});

Deno.test("MachineSteps remembers those heard of last, and no more", () => {
  const { steps } = openSteps();
  for (let i = 0; i <= MAX_MACHINES; i++) {
    const hex = i.toString(16).padStart(8, "0").replaceAll(/..(?!$)/g, "$&:");
    const client = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    steps.note({ mac: `52:54:${hex}`, client, step: "seen", what: "seen" });
  }
  const list = steps.list();
  assert.equal(list.length, MAX_MACHINES);
  assert.equal(list[0]?.client, "10.0.39.16");
  assert.ok(!steps.knows("10.0.0.0"), "the oldest is forgotten");
});

Deno.test("MachineSteps leaves lines out of a flood, and says how many", () => {
  const lab = openSteps();
  for (let i = 0; i < 20_000; i++) {
    const mac = `52:54:00:00:${(i >> 8).toString(16)}:${
      (i & 255).toString(16)
    }`;
    lab.steps.note({ mac, step: "seen", what: "seen" });
  }
  assert.equal(lab.lines.length, 500);
  lab.nowMs += 10_000;
  lab.steps.note({ mac: MAC, step: "seen", what: "seen" });
  assert.deepEqual(lab.lines.slice(500), [
    "19500 steps of machines were not logged: too many came at once",
    `${MAC}: seen`,
  ]);
});

Deno.test("MachineSteps names machines by the rows that hold now", () => {
  const lab = openSteps();
  const uuid = "4c4c4544-0051-4a10-8057-b7c04f4b5032";
  lab.steps.note({ mac: MAC, uuid, step: "seen", what: "seen" });
  assert.equal(lab.steps.list()[0]?.name, undefined);
  lab.rows = [{ uuid, name: "desk", boot: "menu" }];
  assert.equal(lab.steps.list()[0]?.name, "desk");
});
