import assert from "node:assert/strict";
import { ok, refuse, type Result } from "../../lib/core/result.ts";
import { type Resource, ResourceCache } from "../../lib/http/resource_cache.ts";

/** Targets that are searched for, and what is there. */
function setup(): {
  readonly cache: ResourceCache;
  readonly searched: string[];
  readonly among: unknown[];
} {
  const searched: string[] = [];
  const among: unknown[] = [[], new Map()];
  const cache = new ResourceCache((target): Result<Resource> => {
    searched.push(target);
    if (target === "/nothing") return refuse("Nothing there");
    return ok({
      isPassing: target === "/passing",
      answer: () => ({ status: 200, headers: {}, lengthBytes: 0, bytes: null }),
    });
  }, () => [...among]);
  return { cache, searched, among };
}

function found(cache: ResourceCache, target: string): Resource {
  const result = cache.find(target);
  assert.ok(result.ok);
  return result.value;
}

Deno.test("a ResourceCache searches once while what there is stays the same", () => {
  const { cache, searched } = setup();
  const first = found(cache, "/a");
  assert.equal(found(cache, "/a"), first);
  assert.notEqual(found(cache, "/b"), first);
  assert.deepEqual(searched, ["/a", "/b"]);
});

Deno.test("a ResourceCache searches again once anything is another", () => {
  const { cache, searched, among } = setup();
  let last = found(cache, "/a");
  for (const index of [0, 1]) {
    among[index] = [];
    const next = found(cache, "/a");
    assert.notEqual(next, last);
    assert.equal(found(cache, "/a"), next);
    last = next;
  }
  assert.deepEqual(searched, ["/a", "/a", "/a"]);
});

Deno.test("a ResourceCache does not remember what passes", () => {
  const { cache, searched } = setup();
  assert.notEqual(found(cache, "/passing"), found(cache, "/passing"));
  assert.deepEqual(searched, ["/passing", "/passing"]);
});

Deno.test("a ResourceCache does not remember a target that leads nowhere", () => {
  const { cache, searched } = setup();
  for (let time = 0; time < 2; time++) {
    assert.deepEqual(cache.find("/nothing"), refuse("Nothing there"));
  }
  assert.deepEqual(searched, ["/nothing", "/nothing"]);
});

Deno.test("a ResourceCache of any number of targets remembers the last 256", () => {
  const { cache, searched } = setup();
  for (let number = 0; number <= 256; number++) cache.find(`/${number}`);
  searched.length = 0;
  for (let number = 1; number <= 256; number++) cache.find(`/${number}`);
  assert.deepEqual(searched, []);
  cache.find("/0");
  assert.deepEqual(searched, ["/0"]);
});
