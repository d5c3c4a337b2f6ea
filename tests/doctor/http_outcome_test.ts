import assert from "node:assert/strict";
import {
  isServed,
  outcomeOfError,
  outcomeText,
} from "../../lib/doctor/http_outcome.ts";

Deno.test("outcomeOfError() tells silence from refusal, also where it is the cause", async () => {
  const time = new DOMException("time is up", "TimeoutError");
  assert.deepEqual(outcomeOfError(time), { kind: "silent" });
  assert.deepEqual(outcomeOfError(new Error("x", { cause: time })), {
    kind: "silent",
  });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const refused = await Deno.connect({ hostname: "127.0.0.1", port })
    .catch((error) => error);
  assert.deepEqual(outcomeOfError(new Error("x", { cause: refused })), {
    kind: "refused",
  });
  assert.deepEqual(outcomeOfError(new Error("no such host")), {
    kind: "failed",
    reason: "no such host",
  });
});

Deno.test("a manifest is served with status 200 alone", () => {
  assert.equal(isServed({ kind: "answered", status: 200 }), true);
  assert.equal(isServed({ kind: "answered", status: 503 }), false);
  assert.equal(isServed({ kind: "refused" }), false);
  assert.equal(isServed(undefined), false);
  assert.equal(
    outcomeText({ kind: "answered", status: 503 }),
    "answers with status 503",
  );
});
