import assert from "node:assert/strict";
import type { ServedImage } from "../../lib/http/artifacts/image_catalog.ts";
import type { MachineRow } from "../../lib/machines/machine_rows.ts";
import { OfferView } from "../../lib/provider/offer_view.ts";
import { stableImage, unifiedImage } from "../support/boot_scripts.ts";
import { MEMORY_CONFIG } from "../support/provider_machine.ts";

const UEFI = { kind: "UEFI", arch: "x86_64" } as const;

Deno.test("what is served, set and there at the moment is what decides", async () => {
  const at = {
    images: [] as readonly ServedImage[],
    pxe: MEMORY_CONFIG.pxe,
    rows: [] as readonly MachineRow[],
    names: new Set<string>(),
  };
  const view = new OfferView({
    catalog: { images: () => at.images },
    settings: () => ({ pxe: at.pxe }),
    machines: { rows: () => at.rows, unknown: () => at.pxe.unknown },
    loaders: { names: () => Promise.resolve(at.names) },
  });
  const { allow, images, unknown } = view.state();
  assert.deepEqual({ allow, images, unknown }, {
    allow: [],
    images: [],
    unknown: "menu",
  });

  const stable = await stableImage();
  const unified = await unifiedImage();
  at.images = [stable, unified];
  assert.deepEqual(
    view.state().images.map(({ isUnified }) => isUnified),
    [false, true],
  );
  assert.equal(view.state().images, view.state().images, "made once");

  at.names = new Set(["snponly.efi", "own.efi"]);
  assert.ok(!view.state().loaderFor(UEFI).ok, "not looked yet");
  await view.look();
  assert.deepEqual(view.state().loaderFor(UEFI), {
    ok: true,
    value: "snponly.efi",
  });
  at.pxe = { ...at.pxe, deny: ["*"], unknown: "stable", x86Loader: "own.efi" };
  at.rows = [{ mac: "52:54:00:12:34:56", boot: "local" }];
  const { deny, machines, unknown: fate, loaderFor } = view.state();
  assert.deepEqual([deny, machines, fate], [["*"], at.rows, "stable"]);
  assert.deepEqual(loaderFor(UEFI), { ok: true, value: "own.efi" });
});
