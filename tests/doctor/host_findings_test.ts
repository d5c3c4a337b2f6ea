import assert from "node:assert/strict";
import { hostFindings } from "../../lib/doctor/host_findings.ts";
import type { HostView } from "../../lib/doctor/host_view.ts";
import { HEALTHY_HOST } from "../support/doctor_observations.ts";

function found(host: Partial<HostView>, isRunning = true) {
  const { fatal, others } = hostFindings(
    { ...HEALTHY_HOST, ...host },
    isRunning,
  );
  return [...fatal, ...others].map(({ code, where }) =>
    `${code} ${where.join()}`
  );
}

Deno.test("hostFindings() has nothing to say of a healthy host, nor where nothing was looked at", () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(
    found({ state: undefined, limits: undefined, keys: [] }),
    [],
  );
});

Deno.test("hostFindings() names each file, port and limit that is in the way", () => {
  const state = { path: "/state", isOpenToOthers: false, freeBytes: 1e9 };
  const problem = { isFull: false, message: 'Cannot write "/state/x"' };
  for (
    const [host, expected] of [
      [
        { keys: [{ path: "/k", problem: 'Cannot use "/k": empty' }] },
        "key_unusable /k",
      ],
      [{ state: { ...state, problem } }, "state_unwritable /state"],
      [
        { state: { ...state, problem: { ...problem, isFull: true } } },
        "disk_full /state",
      ],
      [{ state: { ...state, freeBytes: 1e6 } }, "disk_full /state"],
      [
        { state: { ...state, isOpenToOthers: true } },
        "state_open_to_others /state",
      ],
      [
        { ports: [{ name: "UDP port 67", problem: "taken" }] },
        "port_taken UDP port 67",
      ],
      [
        { ports: [{ name: "UDP port 69", problem: "forbidden" }] },
        "port_forbidden UDP port 69",
      ],
      [
        { loaders: { path: "/boot", missing: ["No boot loader for BIOS"] } },
        "pxe_loaders_missing /boot",
      ],
      [
        { loaders: { path: "/boot", missing: [], problem: "not there" } },
        "pxe_loaders_missing /boot",
      ],
      [
        { limits: { descriptors: 256, watches: undefined } },
        "descriptors_low open files",
      ],
      [
        { limits: { descriptors: undefined, watches: 1024 } },
        "inotify_low inotify watches",
      ],
    ] as const
  ) assert.deepEqual(found(host), [expected]);
});

Deno.test("hostFindings() judges the images on disk where no provider runs", () => {
  const image = { channel: "stable", arch: "arm64" };
  const images = (
    whole: readonly typeof image[],
    missing: readonly string[],
    ...warnings: string[]
  ) =>
    found(
      { images: { ok: true, value: { whole, missing, warnings } } },
      false,
    );
  assert.deepEqual(images([image], ["stable/x86_64"]), []);
  assert.deepEqual(images([], ["stable/arm64"]), [
    "nothing_served the artifacts directory",
  ]);
  assert.deepEqual(
    images([], ["stable/arm64"], "Cannot offer stable/arm64: it is odd"),
    ["image_not_offered stable/arm64"],
  );
  assert.deepEqual(
    found({
      images: { ok: false, reason: 'Cannot read "/srv": it is gone; make it' },
    }, false),
    ["artifacts_unreadable /srv"],
  );
});
