import assert from "node:assert/strict";
import {
  bootChoice,
  type MachineRow,
  parseCmdlineWords,
  parseMac,
  parseSerial,
  parseUnknownMachines,
  parseUuid,
  rowFor,
  uuidOfBytes,
} from "../../lib/machines/machine_rows.ts";

const MAC = "52:54:00:12:34:56";
const UUID = "4c4c4544-0051-4a10-8057-b7c04f4b5032";

Deno.test("parseMac() takes every usual spelling and gives one", () => {
  for (
    const text of [
      MAC,
      "52-54-00-12-34-56",
      "525400123456",
      "5254.0012.3456",
    ]
  ) {
    assert.deepEqual(parseMac(text), { ok: true, value: MAC }, text);
  }
  assert.deepEqual(parseMac("AA:bb:0C:00:00:FF"), {
    ok: true,
    value: "aa:bb:0c:00:00:ff",
  });
});

Deno.test("parseMac() refuses all that is no address of six bytes", () => {
  for (
    const text of [
      "",
      "52:54:00:12:34",
      "52:54:00:12:34:56:78",
      "52:54-00:12:34:56",
      "52:54:00:12:34:5g",
      ` ${MAC}`,
      `${MAC}\n`,
      "5254.0012.34.56",
      "01:52:54:00:12:34:56",
    ]
  ) assert.ok(!parseMac(text).ok, JSON.stringify(text));
});

Deno.test("parseUuid() takes text in either case, and nothing else", () => {
  assert.deepEqual(parseUuid(UUID.toUpperCase()), { ok: true, value: UUID });
  for (
    const text of ["", UUID.replaceAll("-", ""), `{${UUID}}`, `${UUID}0`, "0"]
  ) assert.ok(!parseUuid(text).ok, text);
});

Deno.test("parseSerial() drops the blanks around what firmware has", () => {
  assert.deepEqual(parseSerial(" Q7J P2 "), { ok: true, value: "Q7J P2" });
  for (const text of ["", "  ", "a\nb", "ä", "x".repeat(65)]) {
    assert.ok(!parseSerial(text).ok, JSON.stringify(text));
  }
});

Deno.test("uuidOfBytes() reads the first three fields little-endian", () => {
  const bytes = Uint8Array.from(
    "44454c4c5100104a8057b7c04f4b5032".match(/../g) ?? [],
    (hex) => parseInt(hex, 16),
  );
  assert.equal(uuidOfBytes(bytes), UUID);
  assert.equal(uuidOfBytes(bytes.subarray(1)), undefined);
  assert.equal(uuidOfBytes(new Uint8Array(16)), undefined, "unset");
  assert.equal(uuidOfBytes(new Uint8Array(16).fill(255)), undefined, "unset");
});

Deno.test("rowFor() takes a MAC before a UUID before a serial, and nothing for nothing", () => {
  const bySerial: MachineRow = { serial: "S", boot: "menu" };
  const byUuid: MachineRow = { uuid: UUID, boot: "local" };
  const byMac: MachineRow = { mac: MAC, boot: "menu" };
  const rows = [bySerial, byUuid, byMac];
  assert.equal(rowFor(rows, { mac: MAC, uuid: UUID, serial: "S" }), byMac);
  assert.equal(rowFor(rows, { uuid: UUID, serial: "S" }), byUuid);
  assert.equal(
    rowFor(rows, { mac: "52:54:00:00:00:00", serial: "S" }),
    bySerial,
  );
  assert.equal(rowFor(rows, {}), undefined);
  assert.equal(rowFor(rows, { mac: "52:54:00:00:00:00" }), undefined);
});

Deno.test("bootChoice() follows the row, and what holds for those without one", () => {
  const choice = (row: Omit<MachineRow, "mac">) =>
    bootChoice({ mac: MAC, ...row }, "ignore");
  assert.deepEqual(choice({ boot: "local", channel: "stable" }), {
    kind: "local",
  });
  assert.deepEqual(choice({ boot: "menu" }), { kind: "menu" });
  assert.deepEqual(choice({ boot: "menu", channel: "beta" }), {
    kind: "menu",
    channel: "beta",
  });
  assert.deepEqual(
    choice({ boot: "network", channel: "beta", arch: "arm64" }),
    {
      kind: "network",
      channel: "beta",
      arch: "arm64",
    },
  );
  assert.deepEqual(bootChoice(undefined, "menu"), { kind: "menu" });
  assert.deepEqual(bootChoice(undefined, "ignore"), { kind: "ignore" });
  assert.deepEqual(bootChoice(undefined, "stable"), {
    kind: "network",
    channel: "stable",
  });
});

Deno.test("parseUnknownMachines() takes menu, ignore or a channel", () => {
  for (const text of ["menu", "ignore", "stable"]) {
    assert.deepEqual(parseUnknownMachines(text), { ok: true, value: text });
  }
  for (const text of ["", "Menu", "boot", "a b"]) {
    assert.ok(!parseUnknownMachines(text).ok, text);
  }
});

Deno.test("parseCmdlineWords() takes only what every loader can say", () => {
  assert.deepEqual(parseCmdlineWords("  console=ttyS0,115200n8\t a={mac} "), {
    ok: true,
    value: "console=ttyS0,115200n8 a={mac}",
  });
  for (
    const text of [
      "",
      "  ",
      "a\nb",
      "a ${uuid}",
      "a && b",
      "a || b",
      "a ; b",
      "#a",
      'a="b c"',
      "it's",
      "a\\b",
      "ä",
      "x".repeat(1025),
    ]
  ) assert.ok(!parseCmdlineWords(text).ok, JSON.stringify(text));
});
