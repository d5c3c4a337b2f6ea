import assert from "node:assert/strict";
import { systemClock } from "../../lib/core/clock.ts";
import {
  archOfKernel,
  foreignKernels,
} from "../../lib/doctor/kernel_arches.ts";
import { replyOf } from "../../lib/net/http1/get.ts";
import { HEALTHY } from "../support/doctor_observations.ts";
import { imageOf } from "../support/sample_images.ts";

/** The first bytes of a file, with some of them set. */
function headWith(...parts: [offset: number, bytes: string][]): Uint8Array {
  const head = new Uint8Array(1024);
  for (const [offset, bytes] of parts) {
    head.set(Uint8Array.from(bytes, (char) => char.charCodeAt(0)), offset);
  }
  return head;
}

function peFor(machine: string): Uint8Array {
  return headWith([0, "MZ"], [0x3c, "\x80"], [0x80, `PE\0\0${machine}`]);
}

Deno.test("archOfKernel() reads what each format says", () => {
  for (
    const [head, arch] of [
      [peFor("\x64\x86"), "x86_64"],
      [peFor("\x64\xaa"), "arm64"],
      [peFor("\x4c\x01"), "x86"],
      [headWith([0, "\x7fELF"], [18, "\xb7"]), "arm64"],
      [headWith([0, "\x7fELF"], [18, "\x3e"]), "x86_64"],
      [headWith([0x38, "ARM\x64"]), "arm64"],
      [headWith([0x38, "RSC\x05"]), "riscv64"],
      [headWith([0x202, "HdrS"]), "x86"],
      // Compressed, or no kernel.
      [headWith([0, "\x1f\x8b"]), undefined],
      [peFor("\xff\xff"), undefined],
      [new Uint8Array(), undefined],
      // Cut off, or with offsets that lead nowhere.
      [headWith([0, "MZ"]).subarray(0, 0x20), undefined],
      [headWith([0, "MZ"], [0x3c, "\xff\xff\xff\xff"]), undefined],
      [peFor("\x64\x86").subarray(0, 0x85), undefined],
      [headWith([0, "\x7fELF"]).subarray(0, 10), undefined],
    ] as const
  ) assert.equal(archOfKernel(head), arch);
});

Deno.test("foreignKernels() names those of another architecture, and asks for no more than their first bytes", async () => {
  const { signal } = new AbortController();
  const asked: string[] = [];
  const heads: Record<string, Uint8Array> = {
    "/stable/arm64/kernel": peFor("\x64\x86"),
    "/testing/arm64/kernel": peFor("\x64\xaa"),
    "/stable/x86_64/kernel": headWith([0x202, "HdrS"]),
    "/old/x86_64/kernel": headWith([0x38, "ARM\x64"]),
  };
  const names = [
    "stable/arm64",
    "testing/arm64",
    "stable/x86_64",
    "old/x86_64",
  ];
  const provider = {
    ...HEALTHY.provider,
    // One of an architecture that is not known here, and one that is not sent.
    images: [...names, "stable/rpi", "gone/arm64"].map(imageOf),
  };
  const found = await foreignKernels(provider, {
    get(url, { headers }) {
      asked.push(`${url.pathname} ${headers?.Range}`);
      const head = heads[url.pathname];
      return Promise.resolve(replyOf(
        head === undefined
          ? new Response("not found", { status: 404 })
          : new Response(head.slice(), { status: 206 }),
      ));
    },
    clock: systemClock,
  }, { signal });
  assert.deepEqual([...found], [
    ["stable/arm64", "x86_64"],
    ["old/x86_64", "arm64"],
  ]);
  assert.equal(asked.length, 5);
  assert.ok(asked.includes("/stable/arm64/kernel bytes=0-4095"));
});
