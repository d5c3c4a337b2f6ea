import { isFile } from "./network_lab.ts";

/** Where libfaketime is, on Debian or Fedora; undefined where it is not. */
export function findFaketime(): string | undefined {
  return [`lib/${Deno.build.arch}-linux-gnu`, "lib64", "lib"]
    .map((directory) => `/usr/${directory}/faketime/libfaketime.so.1`)
    .find(isFile);
}

/**
 * What makes a program see another time; how long things take stays true.
 *
 * @param faketime as `findFaketime()` gives it
 * @param file says which time, as `+31d` or `@2026-11-22 12:00:00`, and is read
 * anew whenever the program asks
 */
export function fakeClock(
  faketime: string,
  file: string,
): Record<string, string> {
  return {
    LD_PRELOAD: faketime,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    DONT_FAKE_MONOTONIC: "1",
  };
}
