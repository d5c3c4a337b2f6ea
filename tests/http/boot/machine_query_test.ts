import assert from "node:assert/strict";
import { machineQuery } from "../../../lib/http/boot/machine_query.ts";

Deno.test("machineQuery() reads what loaders tell", () => {
  assert.deepEqual(
    machineQuery(
      "/boot.ipxe?mac=52:54:00:12:34:56&uuid=4C4C4544-0051-4a10-8057-b7c04f4b5032&serial=Q7J%20P2",
    ),
    {
      isTold: true,
      mac: "52:54:00:12:34:56",
      uuid: "4c4c4544-0051-4a10-8057-b7c04f4b5032",
      serial: "Q7J P2",
    },
  );
  assert.deepEqual(machineQuery("/boot.ipxe?mac=52-54-00-12-34-56#x"), {
    isTold: true,
    mac: "52:54:00:12:34:56",
  });
});

Deno.test("machineQuery() takes what is empty or wrong for nothing", () => {
  assert.deepEqual(machineQuery("/boot.ipxe"), { isTold: false });
  assert.deepEqual(machineQuery("/boot.ipxe?serial=a"), {
    isTold: false,
    serial: "a",
  });
  for (
    const query of [
      "mac=&uuid=&serial=",
      "mac=nonsense&uuid=1&serial=%00",
      "mac=%ff%fe&serial=%20",
      "mac=\u0000",
      `mac=52:54:00:12:34:5${"6".repeat(5000)}`,
      "mac=${net0/mac}",
    ]
  ) {
    assert.deepEqual(machineQuery(`/boot.ipxe?${query}`), { isTold: true });
  }
});
