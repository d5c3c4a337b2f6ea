import assert from "node:assert/strict";
import { readLimits } from "../../lib/doctor/limits.ts";

/** A system that shows these files, and refuses all others. */
function showing(files: Record<string, string>) {
  return {
    readText: (path: string) =>
      path in files
        ? Promise.resolve(files[path] ?? "")
        : Promise.reject(new Error("not allowed")),
  };
}

const LIMITS = [
  "Limit                     Soft Limit           Hard Limit           Units",
  "Max processes             256446               256446               processes",
  "Max open files            512                  4096                 files",
].join("\n");

Deno.test("readLimits() reads those of a process, or of our own", async () => {
  const files = {
    "/proc/12/limits": LIMITS,
    "/proc/self/limits": LIMITS.replace("512 ", "640 "),
    "/proc/sys/fs/inotify/max_user_watches": "8192\n",
  };
  assert.deepEqual(await readLimits(12, showing(files)), {
    descriptors: 512,
    watches: 8192,
  });
  const own = await readLimits(undefined, showing(files));
  assert.equal(own?.descriptors, 640);
});

Deno.test("readLimits() tells what is not shown from what has no limit", async () => {
  assert.equal(await readLimits(12, showing({})), undefined);
  const none = LIMITS.replace("512      ", "unlimited");
  assert.deepEqual(await readLimits(12, showing({ "/proc/12/limits": none })), {
    descriptors: undefined,
    watches: undefined,
  });
});
