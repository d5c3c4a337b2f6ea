import assert from "node:assert/strict";
import type { Link } from "../../../lib/net/interfaces.ts";
import { malformedLog } from "../../../lib/net/mdns/malformed_log.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryLogger } from "../../support/memory_logger.ts";

const ETH0: Link = { interfaceName: "eth0", family: 4, addresses: [] };
const WLAN0: Link = { ...ETH0, interfaceName: "wlan0" };

Deno.test("malformedLog() writes the first, and once a minute how many there were since", () => {
  const [clock, logger] = [new FakeClock(), new MemoryLogger()];
  const log = malformedLog({ clock, logger });
  log(ETH0, "header cut short");
  clock.stall(59_999);
  for (let i = 0; i < 1000; i++) log(ETH0, "bad name");
  assert.equal(logger.lines.length, 1);
  clock.stall(1);
  log(WLAN0, "bad record");
  assert.deepEqual(logger.lines, [
    "WARN mdns eth0 malformed packets ignored: 1, the last one: header cut short",
    "WARN mdns wlan0 malformed packets ignored: 1001, the last one: bad record",
  ]);
});
