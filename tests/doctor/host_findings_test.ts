import assert from "node:assert/strict";
import { hostFindings } from "../../lib/doctor/host_findings.ts";
import type { HostView } from "../../lib/doctor/host_view.ts";
import { HEALTHY_HOST } from "../support/doctor_observations.ts";

function found(
  host: Partial<HostView>,
  provider: Parameters<typeof hostFindings>[1] = "answers",
) {
  const { fatal, others } = hostFindings(
    { ...HEALTHY_HOST, ...host },
    provider,
  );
  return [...fatal, ...others].map(({ code, where }) =>
    `${code} ${where.join()}`
  );
}

const STATE = {
  path: "/state",
  isLocked: undefined,
  isOpenToOthers: false,
  freeBytes: 1e9,
};

Deno.test("hostFindings() has nothing to say of a healthy host, nor where nothing was looked at", () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(
    found({ state: undefined, limits: undefined, keys: [] }),
    [],
  );
});

Deno.test("hostFindings() names each file, port and limit that is in the way", () => {
  const problem = {
    kind: "unusable",
    message: 'Cannot write "/state/x"',
  } as const;
  for (
    const [host, expected] of [
      [
        { keys: [{ path: "/k", problem: 'Cannot use "/k": empty' }] },
        "key_unusable /k",
      ],
      [{ state: { ...STATE, problem } }, "state_unwritable /state"],
      [
        { state: { ...STATE, problem: { ...problem, kind: "full" } } },
        "disk_full /state",
      ],
      [{ state: { ...STATE, isLocked: false } }, "state_unwritable /state"],
      [{ state: { ...STATE, freeBytes: 1e6 } }, "disk_full /state"],
      [
        { state: { ...STATE, isOpenToOthers: true } },
        "state_open_to_others /state",
      ],
      [
        { ports: [{ name: "UDP port 67", problem: "taken" }] },
        "port_taken UDP port 67",
      ],
      [
        { ports: [{ name: "10.99.0.1", problem: "absent" }] },
        "no_such_address 10.99.0.1",
      ],
      [{ interfacesMissing: ["nope0"] }, "no_such_interface nope0"],
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
      "none",
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
      images: {
        ok: false,
        reason: {
          path: "/srv",
          kind: "absent",
          message: 'Cannot list "/srv": it does not exist',
        },
      },
    }, "none"),
    ["artifacts_unreadable /srv"],
  );
});

Deno.test("hostFindings() gives the state directory for what it keeps from being made there", () => {
  const problem = { kind: "forbidden", message: "permission denied" } as const;
  const host = {
    ...HEALTHY_HOST,
    keys: [{ path: "/state/signing.key", problem: "Cannot use it" }],
    state: { ...STATE, problem },
  };
  // Without a key nothing starts.
  const { fatal, others } = hostFindings(host, "none");
  assert.deepEqual(fatal.map(({ code }) => code), ["state_unwritable"]);
  assert.deepEqual(others, []);
  const keys = [{ path: "/etc/key.pem", keyId: "ed25519:ab" }];
  const named = hostFindings({ ...host, keys }, "none");
  assert.deepEqual(named.fatal, []);
  assert.deepEqual(named.others.map(({ code }) => code), ["state_unwritable"]);
});

Deno.test("hostFindings() tells a second provider in a state directory from one that is silent", () => {
  const taken = { name: "TCP port 8080", problem: "taken" } as const;
  const host = { state: { ...STATE, isLocked: true }, ports: [taken] };
  assert.deepEqual(found(host, "none"), [
    "state_in_use /state",
    "port_taken TCP port 8080",
  ]);
  assert.deepEqual(found(host, "silent"), []);
});
