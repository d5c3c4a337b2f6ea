import assert from "node:assert/strict";
import { createHandler } from "../../lib/http/create_handler.ts";
import {
  errorOf,
  httpFixture,
  request,
  silentProvider,
} from "../support/http_fixture.ts";
import { MemoryCatalog } from "../support/memory_catalog.ts";

for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
  Deno.test(`${method} is 405 with Allow`, async () => {
    const response = await request(await httpFixture(), "/health", { method });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
    assert.match(await errorOf(response), /GET and HEAD/);
  });
}

Deno.test("what nobody expected is 500 without details, and logged", async () => {
  const { fileSystem, clock, logger } = await httpFixture();
  const catalog = new MemoryCatalog();
  catalog.images = () => {
    throw new Error("secret detail");
  };
  const handler = createHandler({
    catalog,
    fileSystem,
    clock,
    logger,
    status: silentProvider,
  });
  const response = await request({ handler }, "/");
  assert.equal(response.status, 500);
  assert.doesNotMatch(await errorOf(response), /secret/);
  assert.deepEqual(logger.lines, ["ERROR Cannot answer /: secret detail"]);
});
