import assert from "node:assert/strict";
import { listenProblem } from "../../lib/provider/listen_problem.ts";

Deno.test("listenProblem() calls only a busy port taken, and names the option that helps", () => {
  assert.match(
    listenProblem("EADDRINUSE", "--p2p-port") ?? "",
    /^another program uses it.* --p2p-port$/,
  );
  assert.match(listenProblem("EADDRNOTAVAIL", "--port") ?? "", / --bind$/);
  assert.match(listenProblem("EACCES", "--port") ?? "", /1023 with --port$/);
  assert.equal(listenProblem("EFAULT", "--port"), undefined);
  assert.equal(listenProblem(undefined, "--port"), undefined);
});
