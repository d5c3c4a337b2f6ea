/** Images for tests of boot scripts. */
import assert from "node:assert/strict";
import type { ServedImage } from "../../lib/http/artifacts/image_catalog.ts";
import type {
  MenuOptions,
  ScriptClient,
} from "../../lib/http/boot/script_text.ts";
import { httpFixture } from "./http_fixture.ts";

/** Where the provider is, for `{url}`. */
export const PROVIDER_URL = "http://10.0.0.1:8080";

/** A machine of which nothing is said. */
export const CLIENT: ScriptClient = { providerUrl: PROVIDER_URL };

/** What that gets. */
export const MENU: MenuOptions = {
  choice: { kind: "menu" },
  told: {},
  asks: "nothing",
};

/** The stable/arm64 of `httpFixture()`. */
export async function stableImage(): Promise<ServedImage> {
  const [image] = (await httpFixture()).catalog.images();
  assert.ok(image);
  return image;
}

/**
 * An image with other files, each of a digest that a script is readable with.
 *
 * @param files by role or path, as a catalog has them: the file's path and a hex
 * digit
 */
export async function imageOf(
  files: Readonly<Record<string, readonly [filename: string, digit: string]>>,
  more: Partial<ServedImage> = {},
): Promise<ServedImage> {
  const stable = await stableImage();
  const some = stable.artifacts.get("kernel");
  assert.ok(some);
  const artifacts = new Map(
    Object.entries(files).map(([key, [filename, digit]]) => [
      key,
      { ...some, filename, sha256: digit.repeat(64) },
    ]),
  );
  return { ...stable, ...more, artifacts };
}

/** Linux with an initramfs, whose microcode is loaded first. */
export function imageWithMicrocode(): Promise<ServedImage> {
  return imageOf({
    kernel: ["vmlinuz", "c"],
    initramfs: ["initramfs.img", "d"],
    "cpu/ucode.img": ["cpu/ucode.img", "e"],
  }, { initrds: ["cpu/ucode.img", "initramfs.img"] });
}

/** A unified kernel image. */
export function unifiedImage(
  more: Partial<ServedImage> = {},
): Promise<ServedImage> {
  return imageOf({ kernel: ["linux.efi", "c"] }, more);
}

/** What wimboot starts, of a medium for installation. */
export function windowsImage(): Promise<ServedImage> {
  return imageOf({
    kernel: ["wimboot", "a"],
    "boot/bcd": ["boot/bcd", "b"],
    "boot/boot.sdi": ["boot/boot.sdi", "c"],
    bootmgr: ["bootmgr", "d"],
    "efi/microsoft/boot/bcd": ["efi/microsoft/boot/bcd", "e"],
    "sources/boot.wim": ["sources/boot.wim", "f"],
    "sources/install.wim": ["sources/install.wim", "1"],
    "winpeshl.ini": ["winpeshl.ini", "2"],
  }, { image: { channel: "stable", arch: "x86_64" }, cmdline: "gui" });
}
