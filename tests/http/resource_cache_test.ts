import assert from "node:assert/strict";
import { ok, refuse, type Result } from "../../lib/core/result.ts";
import { type Resource, ResourceCache } from "../../lib/http/resource_cache.ts";

/** Targets that are searched for, and what they lead to. */
function setup(): {
  readonly cache: ResourceCache;
  readonly searched: string[];
  readonly gone: Set<Resource>;
} {
  const searched: string[] = [];
  const gone = new Set<Resource>();
  const cache = new ResourceCache((target): Result<Resource> => {
    searched.push(target);
    if (target === "/nothing") return refuse("Nothing there");
    const resource: Resource = {
      isCurrent: () => !gone.has(resource),
      answer: () => ({ status: 200, headers: {}, lengthBytes: 0, bytes: null }),
    };
    return ok(resource);
  });
  return { cache, searched, gone };
}

function found(cache: ResourceCache, target: string): Resource {
  const result = cache.find(target);
  assert.ok(result.ok);
  return result.value;
}

Deno.test("a ResourceCache searches once for what stays current", () => {
  const { cache, searched } = setup();
  const first = found(cache, "/a");
  assert.equal(found(cache, "/a"), first);
  assert.notEqual(found(cache, "/b"), first);
  assert.deepEqual(searched, ["/a", "/b"]);
});

Deno.test("a ResourceCache searches again for what is not current any more", () => {
  const { cache, searched, gone } = setup();
  const first = found(cache, "/a");
  gone.add(first);
  const second = found(cache, "/a");
  assert.notEqual(second, first);
  assert.equal(found(cache, "/a"), second);
  assert.deepEqual(searched, ["/a", "/a"]);
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
