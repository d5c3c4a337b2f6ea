import assert from "node:assert/strict";
import {
  isServed,
  outcomeOfError,
  outcomeOfRefusal,
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
  const unreachable = Object.assign(new Error("No route to host"), {
    code: "EHOSTUNREACH",
  });
  assert.deepEqual(outcomeOfError(unreachable), {
    kind: "failed",
    reason: "No route to host",
  });
  assert.deepEqual(
    outcomeOfError(new Error("x", { cause: new Error("it answers 404") })),
    { kind: "answered", reason: "it answers 404" },
  );
});

Deno.test("outcomeOfRefusal() tells silence, a wrong answer and none apart", () => {
  for (
    const [code, kind] of [
      ["slow", "silent"],
      ["unreachable", "failed"],
      ["status", "answered"],
      ["redirect", "answered"],
    ] as const
  ) {
    assert.equal(outcomeOfRefusal({ code, message: "why" }).kind, kind);
  }
});

Deno.test("what was asked for came, or it is said what came instead", () => {
  assert.equal(isServed({ kind: "served" }), true);
  for (const outcome of [{ kind: "refused" } as const, undefined]) {
    assert.equal(isServed(outcome), false);
  }
  const wrong = { kind: "answered", reason: "answered 503" } as const;
  assert.equal(isServed(wrong), false);
  assert.equal(outcomeText(wrong), "answers wrongly: answered 503");
});
