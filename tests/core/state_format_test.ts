import assert from "node:assert/strict";
import { refuseNewerState } from "../../lib/core/state_format.ts";

const FILE = { path: "/state/x.json", loss: "all is read again" };

Deno.test("refuseNewerState() names the file, and what becomes of it", () => {
  assert.throws(() => refuseNewerState('{"format":3,"a":1}', 2, FILE), {
    name: "UserError",
    message:
      'Cannot use "/state/x.json": a newer version of this program made it (format 3, this one knows 2); run that one, or delete the file, after which all is read again',
  });
  assert.throws(() => refuseNewerState('{\n  "format": 12\n}', 2, FILE));
});

Deno.test("refuseNewerState() lets everything else pass, which others judge", () => {
  const texts = ['{"format":2}', '{"format":1}', "{}", "", "[]", '"format":9'];
  for (const text of texts) refuseNewerState(text, 2, FILE);
});
