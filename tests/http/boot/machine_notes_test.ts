import assert from "node:assert/strict";
import { isAutoexec } from "../../../lib/http/boot/machine_notes.ts";
import {
  type HttpFixture,
  httpFixture,
  request,
} from "../../support/http_fixture.ts";

const MAC = "52:54:00:12:34:56";
const QUERY = `?mac=${MAC}&uuid=&serial=Q7%20P2`;

async function textOf(fixture: HttpFixture, path: string): Promise<string> {
  const response = await request(fixture, path);
  assert.equal(response.status, 200, path);
  return await response.text();
}

/** What was logged of machines. */
function linesOf({ logger }: HttpFixture): string[] {
  return logger.lines.filter((line) => line.startsWith("INFO "));
}

Deno.test("a machine's row decides what its menu does, for both loaders and from the next request on", async () => {
  const fixture = await httpFixture();
  for (
    const [file, atOnce] of [
      ["boot.ipxe", "goto local\n\n"],
      ["grub.cfg", "set default=local\n"],
    ] as const
  ) {
    fixture.machineRows = [];
    const path = `/${file}${QUERY}`;
    assert.ok(!(await textOf(fixture, path)).includes(atOnce));
    fixture.machineRows = [{ mac: MAC, boot: "local" }];
    assert.ok((await textOf(fixture, path)).includes(atOnce), file);
    fixture.machineRows = [{ serial: "Q7 P2", boot: "local" }];
    assert.ok((await textOf(fixture, path)).includes(atOnce), "by serial");
    fixture.machineRows = [{ mac: "52:54:00:00:00:01", boot: "local" }];
    assert.ok(!(await textOf(fixture, path)).includes(atOnce), "another's");
  }
});

Deno.test("a menu asks which machine it is on only where that makes a difference", async () => {
  const fixture = await httpFixture();
  const asks = async (path: string) =>
    /^(chain --replace boot\.ipxe|configfile "\$images\/grub\.cfg)\?/m
      .test(await textOf(fixture, path));
  for (const file of ["/boot.ipxe", "/grub.cfg"]) {
    assert.ok(!await asks(file));
    fixture.unknownMachines = "stable";
    assert.ok(await asks(file));
    assert.ok(!await asks(`${file}?mac=`), "it has told: no circle");
    fixture.unknownMachines = "menu";
    fixture.machineRows = [{ mac: MAC, boot: "local" }];
    assert.ok(await asks(file));
    fixture.machineRows = [];
  }
  const asksAll = async () =>
    /^smbios /m.test(await textOf(fixture, "/grub.cfg"));
  fixture.machineRows = [{ mac: MAC, boot: "local" }];
  assert.ok(!await asksAll(), "not every GRUB can");
  fixture.machineRows = [{ serial: "Q7", boot: "local" }];
  assert.ok(await asksAll());
});

Deno.test("unknown machines boot the channel that is named for them", async () => {
  const fixture = await httpFixture();
  fixture.unknownMachines = "stable";
  assert.match(
    await textOf(fixture, `/boot.ipxe${QUERY}`),
    /^set channel stable$/m,
  );
  assert.match(
    await textOf(fixture, `/grub.cfg${QUERY}`),
    /then load stable\/arm64; fi$/m,
  );
  // A machine that is to be ignored came all the same: it may choose.
  fixture.unknownMachines = "ignore";
  assert.match(await textOf(fixture, `/boot.ipxe${QUERY}`), /^menu /m);
});

Deno.test("the script of an image has the words of the machine that asks, and of no other", async () => {
  const fixture = await httpFixture();
  fixture.machineRows = [{ mac: MAC, boot: "menu", cmdline: "console=ttyS1" }];
  for (const file of ["boot.ipxe", "grub.cfg"]) {
    const path = `/stable/arm64/${file}`;
    assert.match(
      await textOf(fixture, path + QUERY),
      /^# Added for this machine, not signed: console=ttyS1$/m,
    );
    assert.doesNotMatch(await textOf(fixture, path), /ttyS1/);
    assert.doesNotMatch(
      await textOf(fixture, `${path}?mac=52:54:00:00:00:01`),
      /ttyS1/,
    );
  }
});

Deno.test("what is wrong in a query boots by the menu, and is not logged", async () => {
  const fixture = await httpFixture();
  fixture.machineRows = [{ mac: MAC, boot: "local" }];
  for (
    const query of ["?mac=x%0ay", "?mac=%ff", "?uuid=..", "?mac=&mac=", "?"]
  ) {
    const text = await textOf(fixture, `/boot.ipxe${query}`);
    assert.match(text, /^menu /m, query);
    assert.ok(!text.includes("x\ny"));
  }
  assert.deepEqual(linesOf(fixture), []);
});

Deno.test("each step of a machine is a line: scripts, kernel, and when all is sent", async () => {
  const fixture = await httpFixture();
  fixture.machineRows = [{ mac: MAC, name: "desk", boot: "menu" }];
  const get = async (path: string) => {
    const sent = Promise.withResolvers<void>();
    await (await request(fixture, path, {}, sent.promise)).arrayBuffer();
    sent.resolve();
    await new Promise((resolve) => setTimeout(resolve));
  };
  await get(`/boot.ipxe${QUERY}`);
  const script = await textOf(fixture, `/stable/arm64/boot.ipxe${QUERY}`);
  const [kernel = ""] = script.match(/\/blobs\/sha256\/[0-9a-f]{64}/) ?? [];
  await get(kernel);
  // GRUB asks by path.
  await get("/stable/arm64/initramfs");
  await get("/stable/arm64/Board-4.dtb");
  const title = `INFO ${MAC} (desk): `;
  assert.deepEqual(linesOf(fixture), [
    `${title}menu`,
    `${title}script of stable/arm64`,
    `${title}kernel sent`,
    `${title}all of it sent`,
  ]);
});

Deno.test("a script that is only looked at is no step of a machine", async () => {
  const fixture = await httpFixture();
  await textOf(fixture, "/boot.ipxe");
  await textOf(fixture, "/stable/arm64/boot.ipxe?uuid=&serial=x");
  await request(fixture, `/boot.ipxe${QUERY}`, { method: "HEAD" });
  assert.deepEqual(linesOf(fixture), []);
});

Deno.test("/boot/autoexec.ipxe is made, beside every loader", async () => {
  const fixture = await httpFixture();
  for (const path of ["autoexec.ipxe", "arm64-efi/autoexec.ipxe"]) {
    assert.match(
      await textOf(fixture, `/boot/${path}`),
      /^#!ipxe\nifconf --configurator dhcp \|\| ifconf \|\|\nchain --replace http:\/\/10\.0\.0\.1:8080\/boot\.ipxe\?mac=/,
    );
  }
  assert.ok(!isAutoexec("myautoexec.ipxe"));
});
