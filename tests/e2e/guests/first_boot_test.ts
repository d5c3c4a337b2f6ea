/** docs/first-boot.md boots a machine by its own commands alone. */
import { dirname } from "node:path";
import { guestTest } from "../../support/boot_lab.ts";
import { neededPrograms, readPage, ROOT } from "../../support/pages.ts";
import { runPage } from "../../support/run_page.ts";

const page = await Deno.readTextFile(`${ROOT}docs/first-boot.md`);

await guestTest("docs/first-boot.md boots a machine by its own commands", {
  programs: neededPrograms(page),
  files: ["/usr/lib/ipxe/qemu/pxe-virtio.rom"],
  async body({ kernel, network }) {
    // A page has no network to load from: apt's packages are here already.
    const packages = dirname(kernel.kernelPath);
    const apt = {
      ...{ line: 0, day: 0, kind: "runs", says: [] } as const,
      commands: `apt-get() { cp '${packages}'/*.deb .; }`,
    };
    await runPage(await network.host(), [apt, ...readPage(page)]);
  },
});
