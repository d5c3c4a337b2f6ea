import assert from "node:assert/strict";
import { ChannelFinder } from "../../lib/scan/channel_finder.ts";

const inRoot = (channel: string) => ({
  path: `/artifacts/${channel}`,
  eventPath: `/srv/${channel}`,
  isLinked: false,
});
const finder = new ChannelFinder([
  inRoot("stable"),
  inRoot("testing"),
  { path: "/mnt/own", eventPath: "/mnt/own", isLinked: false },
]);

for (
  const [path, indices] of [
    ["/srv/stable/arm64/vmlinuz", [0]],
    ["/srv/testing", [1]],
    ["/srv/stable-old/arm64", []],
    ["/artifacts/testing/arm64", [1]],
    ["/mnt/own/arm64", [2]],
    ["/srv", [0, 1, 2]],
    ["/", [0, 1, 2]],
    ["/elsewhere", []],
  ] as const
) {
  Deno.test(`ChannelFinder finds ${indices.length} channels near ${path}`, () => {
    assert.deepEqual([...finder.near(path)], indices);
  });
}

Deno.test("ChannelFinder.at() finds a channel by its directory alone", () => {
  assert.deepEqual([...finder.at("/srv/stable")], [0]);
  assert.deepEqual([...finder.at("/artifacts/stable")], [0]);
  assert.deepEqual([...finder.at("/srv/stable/arm64")], []);
  assert.deepEqual([...finder.at("/srv")], []);
});

Deno.test("ChannelFinder finds all channels that have one directory", () => {
  const shared = { path: "/mnt/x", eventPath: "/mnt/x", isLinked: false };
  const twice = new ChannelFinder([shared, shared]);
  assert.deepEqual([...twice.near("/mnt/x/arm64")], [0, 1]);
});
