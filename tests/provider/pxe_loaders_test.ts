import assert from "node:assert/strict";
import { createMachines } from "../../lib/machines/machines.ts";
import { loaderNames, openPxeLoaders } from "../../lib/provider/pxe_loaders.ts";
import { httpFixture } from "../support/http_fixture.ts";
import { MEMORY_CONFIG } from "../support/provider_machine.ts";

async function open({ loaders = "/usr/lib/ipxe", port = 8080 } = {}) {
  const { catalog, fileSystem, logger } = await httpFixture();
  const lab = {
    config: { ...MEMORY_CONFIG, pxe: { ...MEMORY_CONFIG.pxe, loaders } },
  };
  const machines = createMachines({
    rows: () => [],
    unknown: () => "menu",
  }, { now: () => 0, say: (line) => logger.info(line) });
  const opened = openPxeLoaders({ fileSystem, logger }, {
    http: { port },
    catalog,
    settings: () => lab.config,
    machines,
  });
  const read = async (name: string) => {
    const bytes = await opened.read({
      name,
      client: "10.0.0.7",
      local: "10.0.0.1",
    });
    return bytes && new TextDecoder().decode(bytes);
  };
  return { opened, read, fileSystem, logger, lab };
}

Deno.test("what leads loaders on is made for the address that was asked", async () => {
  const { read, fileSystem } = await open();
  fileSystem.file("/usr/lib/ipxe/snponly.efi", "loader");
  assert.equal(await read("snponly.efi"), "loader");
  assert.equal(await read("snponly.efi\xff"), "loader");
  assert.match(
    await read("autoexec.ipxe") ?? "",
    /\nchain --replace http:\/\/10\.0\.0\.1:8080\/boot\.ipxe\?mac=/,
  );
  for (const name of ["grub.cfg", "grub/grub.cfg", "boot/grub/grub.cfg"]) {
    assert.equal(
      await read(name),
      'configfile "(http,10.0.0.1:8080)/grub.cfg"\n',
    );
  }
  const { read: readAtPort80 } = await open({ port: 80 });
  assert.equal(
    await readAtPort80("grub.cfg"),
    'configfile "(http,10.0.0.1)/grub.cfg"\n',
  );
  assert.equal(await read("nothing.efi"), undefined);
  assert.equal(await read("grub.cfg-01-52-54-00-12-34-56"), undefined);
});

Deno.test("what is missing is said once, until that changes", async () => {
  const { opened, fileSystem, logger, lab } = await open();
  await opened.names();
  await opened.names();
  assert.deepEqual(logger.lines.map((line) => line.slice(0, 40)), [
    "WARN No boot loader for UEFI arm64: put ",
    "WARN No boot loader for BIOS x86_64: put",
    "WARN No boot loader for UEFI x86_64: put",
  ]);
  fileSystem.file("/usr/lib/ipxe/undionly.kpxe", "x");
  fileSystem.file("/usr/lib/ipxe/snponly.efi", "x");
  fileSystem.file("/usr/lib/ipxe/ipxe-arm64.efi", "x");
  logger.lines.length = 0;
  assert.equal((await opened.names()).size, 3);
  assert.deepEqual(logger.lines, [
    "INFO Boot loaders: UEFI arm64 ipxe-arm64.efi, BIOS x86_64 undionly.kpxe, UEFI x86_64 snponly.efi",
  ]);
  lab.config = {
    ...lab.config,
    pxe: { ...lab.config.pxe, x86Loader: "mine.efi" },
  };
  logger.lines.length = 0;
  await opened.names();
  assert.match(
    logger.lines.join(),
    /WARN No boot loader for UEFI x86_64: put mine\.efi/,
  );
  assert.equal(loaderNames(lab.config).x86_64, "mine.efi");
});

Deno.test("a loader that was taken is a step of a machine, what leads it on is none", async () => {
  const { opened, logger } = await open();
  const request = { client: "10.0.0.7", local: "10.0.0.1" };
  opened.onSent?.({ ...request, name: "snponly.efi\xff" });
  opened.onSent?.({ ...request, name: "autoexec.ipxe" });
  opened.onSent?.({ ...request, name: "grub/grub.cfg" });
  assert.deepEqual(logger.lines, [
    "INFO 10.0.0.7: loader snponly.efi sent by TFTP",
  ]);
});
