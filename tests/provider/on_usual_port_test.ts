import assert from "node:assert/strict";
import { UserError } from "../../lib/core/errors.ts";
import { onUsualPort } from "../../lib/provider/on_usual_port.ts";

const { signal } = new AbortController();

function failure(code: string): Error {
  const cause = Object.assign(new Error("refused"), { code });
  return new UserError("Cannot listen", { cause });
}

/** Opens ports, of which some are refused, and tells which were tried. */
function ports(refused: Readonly<Record<number, string>>) {
  const tried: number[] = [];
  const notes: string[] = [];
  const open = (port: number) => {
    tried.push(port);
    const code = refused[port];
    if (code !== undefined) throw failure(code);
    return port;
  };
  const onTaken = () => {
    notes.push("taken");
  };
  return { open, onTaken, tried, notes };
}

Deno.test("what is wanted is opened, or nothing", async () => {
  const { open, onTaken, tried, notes } = ports({ 7: "EADDRINUSE" });
  const options = { usual: 5, onTaken, signal };
  assert.equal(await onUsualPort(open, { ...options, wanted: 6 }), 6);
  await assert.rejects(onUsualPort(open, { ...options, wanted: 7 }), UserError);
  assert.deepEqual(tried, [6, 7]);
  assert.deepEqual(notes, []);
});

Deno.test("a usual port that is taken gives way to a free one, and is told", async () => {
  const { open, onTaken, tried, notes } = ports({ 5: "EADDRINUSE" });
  const options = { wanted: undefined, usual: 5, onTaken, signal };
  assert.equal(await onUsualPort(open, options), 0);
  assert.deepEqual(tried, [5, 0]);
  assert.deepEqual(notes, ["taken"]);
});

Deno.test("a usual port that is refused for another reason is refused", async () => {
  const { open, onTaken, tried, notes } = ports({ 5: "EACCES" });
  const options = { wanted: undefined, usual: 5, onTaken, signal };
  await assert.rejects(onUsualPort(open, options), /Cannot listen/);
  assert.deepEqual(tried, [5]);
  assert.deepEqual(notes, []);
});
