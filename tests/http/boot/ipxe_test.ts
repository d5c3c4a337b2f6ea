import assert from "node:assert/strict";
import type { MenuOptions } from "../../../lib/http/boot/script_text.ts";
import type { BootChoice } from "../../../lib/machines/machine_rows.ts";
import type { ServedImage } from "../../../lib/http/artifacts/image_catalog.ts";
import {
  autoexecScript,
  ipxeMenu,
  ipxeScript,
} from "../../../lib/http/boot/ipxe.ts";
import {
  CLIENT,
  imageOf,
  imageWithMicrocode,
  MENU,
  stableImage,
  unifiedImage,
  windowsImage,
} from "../../support/boot_scripts.ts";

/** The commands that load something, or start it. */
function loads(image: ServedImage): string[] {
  const script = ipxeScript(image, CLIENT);
  assert.ok(script.ok);
  return script.value.split("\n")
    .filter((line) => /^(kernel|initrd|boot|iseq) /.test(line))
    .filter((line) => !line.includes("attempt"));
}

Deno.test("ipxeScript() loads by hash, with the manifest's cmdline, and retries", async () => {
  const image = await imageOf({
    kernel: ["vmlinuz", "c"],
    initramfs: ["initramfs.img", "d"],
  });
  assert.deepEqual(ipxeScript(image, CLIENT), {
    ok: true,
    value: `#!ipxe
# stable/arm64 2026.11.22, as its signed manifest has it
isset \${attempt} || set attempt:int32 1
imgfree
kernel --name kernel ../../blobs/sha256/${
      "c".repeat(64)
    } initrd=initramfs console=ttyAMA0 quiet || goto again
initrd --name initramfs ../../blobs/sha256/${"d".repeat(64)} || goto again
boot || goto again

:again
iseq \${attempt} 5 && goto failed ||
echo stable/arm64 did not load, try \${attempt} of 5
inc attempt
sleep 2
chain --replace boot.ipxe?mac=\${netX/mac:hexhyp}&uuid=\${uuid}&serial=\${serial:uristring} || goto again

:failed
echo stable/arm64 did not load in 5 tries
clear attempt
exit 1
`,
  });
});

Deno.test("ipxeScript() of a kernel alone names nothing else", async () => {
  const { cmdline: _, ...image } = await imageOf({ kernel: ["vmlinuz", "c"] });
  assert.deepEqual(loads(image), [
    `kernel --name kernel ../../blobs/sha256/${"c".repeat(64)} || goto again`,
    "boot || goto again",
  ]);
});

Deno.test("ipxeScript() loads several initrds in the manifest's order", async () => {
  assert.deepEqual(loads(await imageWithMicrocode()), [
    `kernel --name kernel ../../blobs/sha256/${
      "c".repeat(64)
    } initrd=initrd0 initrd=initramfs console=ttyAMA0 quiet || goto again`,
    `initrd --name initrd0 ../../blobs/sha256/${"e".repeat(64)} || goto again`,
    `initrd --name initramfs ../../blobs/sha256/${
      "d".repeat(64)
    } || goto again`,
    "boot || goto again",
  ]);
});

Deno.test("ipxeScript() starts a unified kernel image, on UEFI only", async () => {
  const image = await unifiedImage();
  assert.deepEqual(loads(image), [
    "iseq ${platform} efi || goto not_efi",
    `kernel --name kernel ../../blobs/sha256/${
      "c".repeat(64)
    } console=ttyAMA0 quiet || goto again`,
    "boot || goto again",
  ]);
  const script = ipxeScript(image, CLIENT);
  assert.ok(script.ok);
  assert.match(
    script.value,
    /\n:not_efi\necho stable\/arm64 is a program for UEFI, .*\nexit 1\n$/,
  );
});

Deno.test("ipxeScript() leaves a unified kernel image its own command line", async () => {
  const { cmdline: _, ...image } = await unifiedImage();
  const script = ipxeScript(image, CLIENT);
  assert.ok(script.ok);
  assert.match(
    script.value,
    /^set mute:hex 01 \|\| goto again\nkernel --name \$\{mute:string\} \S+ \|\| goto again\nboot \|\|/m,
  );
});

Deno.test("ipxeScript() gives wimboot its files by the names it asks for", async () => {
  const file = (name: string, digit: string) =>
    `initrd --name ${name} ../../blobs/sha256/${
      digit.repeat(64)
    } ${name} || goto again`;
  assert.deepEqual(loads(await windowsImage()), [
    `kernel --name kernel ../../blobs/sha256/${
      "a".repeat(64)
    } gui || goto again`,
    file("bootmgr", "d"),
    file("winpeshl.ini", "2"),
    file("bcd", "b"),
    file("boot.sdi", "c"),
    file("boot.wim", "f"),
    "boot || goto again",
  ]);
});

Deno.test("ipxeScript() fills in what a command line leaves open", async () => {
  const [kernel] = loads(
    await imageOf(
      { kernel: ["vmlinuz", "c"], rootfs: ["root.squashfs", "a"] },
      { cmdline: "root={url}/rootfs sum={sha256:rootfs} mac={mac} {x}" },
    ),
  );
  assert.match(
    kernel ?? "",
    / root=http:\/\/10\.0\.0\.1:8080\/stable\/arm64\/rootfs sum=a{64} mac=\$\{netX\/mac\} \{x\} \|\|/,
  );
});

Deno.test("ipxeMenu() picks the arch, and asks", async () => {
  const image = await stableImage();
  const menu = ipxeMenu([
    { ...image, image: { channel: "testing", arch: "arm64" } },
    { ...image, image: { channel: "testing", arch: "x86_64" } },
    { ...image, version: "next ${x}\n" },
  ], MENU);
  assert.equal(
    menu,
    `#!ipxe
# In BIOS builds of iPXE buildarch is i386, whatever the CPU can do
set arch \${buildarch}
set tries:int32 1
iseq \${platform} pcbios && cpuid --ext 29 && set arch x86_64 ||
goto arch_\${arch} || goto none

:arch_arm64
:menu_arm64
menu Images for arm64
item testing testing 2026.11.22
item stable stable next___x__
item --gap
item .local Boot from the local disk
item .shell Shell
choose --timeout 10000 channel || exit 1
iseq \${channel} .local && goto local ||
iseq \${channel} .shell && goto shell ||
:load_arm64
chain --replace \${channel}/arm64/boot.ipxe?mac=\${netX/mac:hexhyp}&uuid=\${uuid}&serial=\${serial:uristring} || goto again

:arch_x86_64
echo Starting testing/x86_64 2026.11.22
echo Hold Space for the menu with the local disk
prompt --timeout 500 && goto menu_x86_64 ||
set channel testing
goto load_x86_64
:menu_x86_64
menu Images for x86_64
item testing testing 2026.11.22
item --gap
item .local Boot from the local disk
item .shell Shell
choose --timeout 10000 channel || exit 1
iseq \${channel} .local && goto local ||
iseq \${channel} .shell && goto shell ||
:load_x86_64
chain --replace \${channel}/x86_64/boot.ipxe?mac=\${netX/mac:hexhyp}&uuid=\${uuid}&serial=\${serial:uristring} || goto again

:none
echo No image for \${arch} here; served: testing/arm64, testing/x86_64, stable/arm64
exit 1

:again
iseq \${tries} 5 && goto failed ||
echo The script of the image did not load, try \${tries} of 5
inc tries
sleep 2
goto load_\${arch}

:failed
echo The script of the image did not load in 5 tries
exit 1

# UEFI goes on to its next boot option; after success it would not
:local
iseq \${platform} pcbios && sanboot --no-describe --drive 0x80 ||
exit 1

:shell
echo exit leads back to the menu
shell ||
goto menu_\${arch}
`,
  );
});

Deno.test("ipxeMenu() says when nothing is served yet", () => {
  assert.match(
    ipxeMenu([], MENU),
    /echo No image for .* served: nothing yet\n/,
  );
});

Deno.test("ipxeScript() adds the words of a machine, and shows that nobody signed them", async () => {
  const script = ipxeScript(await stableImage(), {
    ...CLIENT,
    words: "console=ttyS1 mac={mac}",
  });
  assert.ok(script.ok);
  assert.match(
    script.value,
    /^# Added for this machine, not signed: console=ttyS1 mac=\{mac\}$/m,
  );
  assert.match(
    script.value,
    / console=ttyAMA0 quiet console=ttyS1 mac=\$\{netX\/mac\} \|\| goto again$/m,
  );
});

Deno.test("ipxeMenu() does at once what a machine's row says", async () => {
  const stable = await stableImage();
  const testing = { ...stable, image: { channel: "testing", arch: "x86_64" } };
  const menuOf = (choice: BootChoice, asks: MenuOptions["asks"] = "nothing") =>
    ipxeMenu([stable, testing], { ...MENU, choice, asks });
  assert.match(menuOf({ kind: "local" }), /set arch x86_64 \|\|\ngoto local\n/);
  const network = menuOf({ kind: "network", channel: "testing" });
  assert.match(
    network,
    /\nset channel testing\ngoto load_\$\{arch\} \|\| goto none\n/,
  );
  assert.match(network, /^:load_x86_64$/m);
  assert.doesNotMatch(network, /^:load_arm64$/m);
  assert.match(
    menuOf({ kind: "network", channel: "stable", arch: "arm64" }),
    /\nset arch arm64\nset channel stable\ngoto load_/,
  );
  assert.match(
    menuOf({ kind: "network", channel: "beta" }),
    /\necho Channel beta of this machine is not here; served: .*\ngoto menu_/,
  );
  assert.match(
    menuOf({ kind: "menu" }, "mac"),
    /^#!ipxe\nchain --replace boot\.ipxe\?mac=\S+ \|\|\n/,
  );
});

Deno.test("autoexecScript() waits for IPv6 where that leads here", () => {
  assert.match(
    autoexecScript("http://[fd00::1]:8080"),
    /^#!ipxe\nifconf \|\|\nchain --replace http:\/\/\[fd00::1\]:8080\//,
  );
});

Deno.test("autoexecScript() configures the network, and leads on", () => {
  assert.equal(
    autoexecScript("http://10.0.0.1:8080"),
    `#!ipxe
ifconf --configurator dhcp || ifconf ||
chain --replace http://10.0.0.1:8080/boot.ipxe?mac=\${netX/mac:hexhyp}&uuid=\${uuid}&serial=\${serial:uristring}
`,
  );
});
