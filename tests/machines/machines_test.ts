import assert from "node:assert/strict";
import type { MachineRow } from "../../lib/machines/machine_rows.ts";
import { createMachines, NOTHING_SAID } from "../../lib/machines/machines.ts";

Deno.test("createMachines() names machines in the log by the rows of the settings", () => {
  const lines: string[] = [];
  const rows: readonly MachineRow[] = [
    { mac: "52:54:00:12:34:56", name: "desk", boot: "menu" },
  ];
  const log = { now: () => 1, say: (line: string) => lines.push(line) };
  const machines = createMachines({ ...NOTHING_SAID, rows: () => rows }, log);
  machines.steps.note({
    mac: "52:54:00:12:34:56",
    step: "script",
    what: "menu",
  });
  assert.deepEqual(lines, ["52:54:00:12:34:56 (desk): menu"]);
  assert.equal(machines.unknown(), "menu");
});
