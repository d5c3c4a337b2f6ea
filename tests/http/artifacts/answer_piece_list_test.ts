import assert from "node:assert/strict";
import { httpFixture, request } from "../../support/http_fixture.ts";

const SHA256 = "5e".repeat(32);
const PATH = `/blobs/sha256/${SHA256}`;
const LIST = Uint8Array.from({ length: 64 }, (_, i) => i);

/** Both images have a file with the same pieces. */
async function fixtureWithPieces() {
  const fixture = await httpFixture();
  const images = fixture.catalog.images().map((served) => {
    const kernel = served.artifacts.get("kernel");
    assert.ok(kernel);
    const pieces = { list: LIST, sha256: SHA256 };
    const artifacts = new Map(served.artifacts)
      .set("kernel", { ...kernel, pieces });
    return { ...served, artifacts };
  });
  fixture.catalog.set(images);
  return { fixture, images };
}

Deno.test("a list of pieces is a blob like others", async () => {
  const { fixture } = await fixtureWithPieces();
  for (
    const [path, method] of [
      [PATH, "GET"],
      [PATH, "HEAD"],
      [`/blobs/sha256/${SHA256.toUpperCase()}`, "GET"],
    ] as const
  ) {
    const response = await request(fixture, path, { method });
    assert.equal(response.status, 200);
    const { headers } = response;
    assert.equal(headers.get("etag"), `"${SHA256}"`);
    assert.equal(headers.get("content-length"), "64");
    assert.equal(headers.get("content-type"), "application/octet-stream");
    assert.equal(headers.get("accept-ranges"), "bytes");
    assert.match(headers.get("cache-control") ?? "", /immutable/);
    assert.deepEqual(
      await response.bytes(),
      method === "HEAD" ? new Uint8Array() : LIST,
    );
  }
});

for (
  const [range, headers, status, bytes] of [
    ["bytes=32-63", {}, 206, LIST.subarray(32)],
    ["bytes=-1", {}, 206, LIST.subarray(63)],
    ["bytes=60-99", { "if-range": `"${SHA256}"` }, 206, LIST.subarray(60)],
    ["bytes=60-99", { "if-range": '"other"' }, 200, LIST],
    ["bytes=64-", {}, 416, undefined],
  ] as const
) {
  Deno.test(`a list of pieces is sent by ranges: ${range} ${JSON.stringify(headers)}`, async () => {
    const { fixture } = await fixtureWithPieces();
    const response = await request(fixture, PATH, {
      headers: { range, ...headers },
    });
    assert.equal(response.status, status);
    const body = await response.bytes();
    if (bytes === undefined) {
      assert.equal(response.headers.get("content-range"), "bytes */64");
    } else assert.deepEqual(body, bytes);
  });
}

Deno.test("a list of pieces is there for as long as an image with it is", async () => {
  const { fixture, images } = await fixtureWithPieces();
  for (const [left, status] of [[2, 200], [1, 200], [0, 404]] as const) {
    fixture.catalog.set(images.slice(2 - left));
    const response = await request(fixture, PATH);
    assert.equal(response.status, status, `${left} images left`);
    await response.body?.cancel();
  }
});

Deno.test("a list of pieces is not sent to a client that has it, or expects another", async () => {
  const { fixture } = await fixtureWithPieces();
  for (
    const [name, tag, status] of [
      ["if-none-match", SHA256, 304],
      ["if-match", "other", 412],
      ["if-match", SHA256, 200],
    ] as const
  ) {
    const headers = { [name]: `"${tag}"` };
    const response = await request(fixture, PATH, { headers });
    assert.equal(response.status, status);
    await response.body?.cancel();
  }
});
