import assert from "node:assert/strict";
import fc from "fast-check";
import type { MenuOptions } from "../../../lib/http/boot/script_text.ts";
import type { BootChoice } from "../../../lib/machines/machine_rows.ts";
import type { ServedImage } from "../../../lib/http/artifacts/image_catalog.ts";
import {
  grubConfig,
  grubMenu,
  grubRedirect,
} from "../../../lib/http/boot/grub.ts";
import {
  CLIENT,
  imageOf,
  imageWithMicrocode,
  MENU,
  stableImage,
  unifiedImage,
  windowsImage,
} from "../../support/boot_scripts.ts";
import { labObstacle } from "../../support/network_lab.ts";

function configOf(image: ServedImage): string {
  const config = grubConfig(image, CLIENT);
  assert.ok(config.ok);
  return config.value;
}

/** The commands that load something. */
function loads(image: ServedImage): string[] {
  return [...configOf(image).matchAll(/^ {4}if (.*); then$/gm)]
    .map(([, command = ""]) => command);
}

Deno.test("grubConfig() loads from where it came from, and retries", async () => {
  const image = await imageOf({
    kernel: ["vmlinuz", "c"],
    initramfs: ["initramfs.img", "d"],
  });
  assert.equal(
    configOf(image),
    `# stable/arm64 2026.11.22, as its signed manifest has it
set image="$config_directory"
# After a choice from the menu there is no need to wait again
if [ "$chosen" ]; then set timeout=0; else set timeout=1; fi

menuentry 'stable/arm64 2026.11.22' {
  for try in 1 2 3 4 5; do
    if linux "$image/kernel" 'console=ttyAMA0' 'quiet'; then
    if initrd "$image/initramfs"; then
    boot
    fi; fi
    echo "stable/arm64 did not load, try $try of 5"
    sleep 2
  done
  exit 1
}
`,
  );
});

Deno.test("grubConfig() of a kernel alone names nothing else", async () => {
  const { cmdline: _, ...image } = await imageOf({ kernel: ["vmlinuz", "c"] });
  assert.deepEqual(loads(image), ['linux "$image/kernel"']);
});

Deno.test("grubConfig() loads several initrds in the manifest's order", async () => {
  assert.equal(
    loads(await imageWithMicrocode())[1],
    'initrd "$image/cpu/ucode.img" "$image/initramfs"',
  );
});

Deno.test("grubConfig() loads the image's only device tree", async () => {
  const image = await imageOf({
    kernel: ["vmlinuz", "a"],
    "rk/board.dtb": ["rk/board.dtb", "b"],
  });
  assert.deepEqual(loads(image).slice(1), [
    'devicetree "$image/rk/board.dtb"',
  ]);
});

Deno.test("grubConfig() starts a unified kernel image, on UEFI only", async () => {
  const image = await unifiedImage();
  assert.deepEqual(loads(image), [
    `chainloader "$image/kernel" 'console=ttyAMA0' 'quiet'`,
  ]);
  assert.match(
    configOf(image),
    /^ {2}if \[ "\$grub_platform" != efi \]; then\n {4}echo 'stable\/arm64 is a program for UEFI.*'\n {4}sleep 10\n {4}exit 1\n {2}fi$/m,
  );
});

Deno.test("grubConfig() gives wimboot its files, on BIOS only", async () => {
  const image = await windowsImage();
  assert.deepEqual(loads(image), [
    `linux16 "$image/kernel" 'gui'`,
    "initrd16 " + [
      'newc:bootmgr:"$image/bootmgr"',
      'newc:winpeshl.ini:"$image/winpeshl.ini"',
      'newc:bcd:"$image/boot/bcd"',
      'newc:boot.sdi:"$image/boot/boot.sdi"',
      'newc:boot.wim:"$image/sources/boot.wim"',
    ].join(" "),
  ]);
  assert.match(configOf(image), /!= pc \]; then\n {4}echo '.* use iPXE'/);
});

Deno.test("grubConfig() fills in what a command line leaves open", async () => {
  const [linux] = loads(
    await imageOf(
      { kernel: ["vmlinuz", "c"], rootfs: ["root.squashfs", "a"] },
      { cmdline: "root={url}/rootfs sum={sha256:rootfs} mac={mac} {x}" },
    ),
  );
  assert.equal(
    linux,
    `linux "$image/kernel" 'root=http://10.0.0.1:8080/stable/arm64/rootfs' 'sum=${
      "a".repeat(64)
    }' 'mac='"$net_default_mac"'' '{x}'`,
  );
});

Deno.test("grubConfig() adds the words of a machine, and shows that nobody signed them", async () => {
  const image = await stableImage();
  const config = grubConfig(image, {
    ...CLIENT,
    words: "console=ttyS1 mac={mac}",
  });
  assert.ok(config.ok);
  assert.match(
    config.value,
    /^# Added for this machine, not signed: console=ttyS1 mac=\{mac\}$/m,
  );
  assert.match(
    config.value,
    / 'console=ttyAMA0' 'quiet' 'console=ttyS1' 'mac='"\$net_default_mac"''; then$/m,
  );
});

Deno.test("grubMenu() does at once what a machine's row says", async () => {
  const stable = await stableImage();
  const testing = { ...stable, image: { channel: "testing", arch: "x86_64" } };
  const menuOf = (choice: BootChoice) =>
    grubMenu([stable, testing], { ...MENU, choice });
  const local = menuOf({ kind: "local" });
  assert.match(local, /^set timeout=0\nset default=local$/m);
  const network = menuOf({ kind: "network", channel: "testing" });
  assert.match(
    network,
    /^if \[ "\$arch" = x86_64 \]; then load testing\/x86_64; fi$/m,
  );
  assert.doesNotMatch(network, /load stable/);
  const forced = menuOf({ kind: "network", channel: "stable", arch: "arm64" });
  assert.match(forced, /^set arch=arm64\nif .* = arm64 \]; then load stable/m);
  const absent = menuOf({ kind: "network", channel: "beta" });
  assert.match(
    absent,
    /^echo "Channel beta of this machine is not here; served: .*"\nsleep 10$/m,
  );
  assert.match(absent, /menuentry 'stable /);
  const first = menuOf({ kind: "menu", channel: "testing" });
  assert.doesNotMatch(first, /then load/);
});

Deno.test("grubMenu() asks once more for what matters, and hands on what it was told", () => {
  const menuOf = (options: Partial<MenuOptions>) =>
    grubMenu([], { ...MENU, ...options }).split("\n").slice(2);
  const again = 'configfile "$images/grub.cfg?$machine"';
  const byMac = 'set machine="mac=$net_default_mac"';
  assert.deepEqual(menuOf({ asks: "mac" }).slice(0, 2), [byMac, again]);
  const all = menuOf({ asks: "all" });
  assert.equal(all[0], byMac);
  assert.equal(all[1], "smbios --type 1 --get-uuid 8 --set uuid");
  assert.equal(all[5], again);
  const told = { mac: "52:54:00:12:34:56", serial: '$a"\\ /`' };
  assert.equal(
    menuOf({ told })[0],
    'set machine="mac=52%3A54%3A00%3A12%3A34%3A56&serial=%24a%22%5C%20%2F%60"',
  );
});

Deno.test("grubRedirect() leads on to HTTP", () => {
  assert.equal(
    grubRedirect("10.0.0.1:8080"),
    'configfile "(http,10.0.0.1:8080)/grub.cfg"\n',
  );
});

Deno.test("grubMenu() picks the arch, and asks", async () => {
  const image = await stableImage();
  const menu = grubMenu([
    { ...image, image: { channel: "testing", arch: "arm64" } },
    { ...image, image: { channel: "testing", arch: "x86_64" } },
    { ...image, version: "next ${x}'\n" },
  ], MENU);
  assert.equal(
    menu,
    `set images="$config_directory"
set timeout=10
set machine="mac=$net_default_mac"
# In BIOS builds of GRUB it is i386, whatever the CPU can do
set arch="$grub_cpu"
if [ "$arch" = i386 ]; then if cpuid -l; then set arch=x86_64; fi; fi

function load {
  set chosen=1
  export chosen
  for try in 1 2 3 4 5; do
    configfile "$images/$1/grub.cfg?$machine"
    echo "The configuration of $1 did not load, try $try of 5"
    sleep 2
  done
  exit 1
}

set found=
if [ "$arch" = arm64 ]; then
  set found=1
  menuentry 'testing 2026.11.22' { load testing/arm64 }
  menuentry 'stable next___x___' { load stable/arm64 }
fi
if [ "$arch" = x86_64 ]; then
  set found=1
  set timeout=1
  set timeout_style=hidden
  echo "Starting testing/x86_64 2026.11.22"
  echo "Hold Esc for the menu with the local disk"
  menuentry 'testing 2026.11.22' { load testing/x86_64 }
fi
if [ -z "$found" ]; then
  echo "No image for $arch here; served: testing/arm64, testing/x86_64, stable/arm64"
  sleep 10
fi

menuentry 'Boot from the local disk' --id local {
  if [ "$grub_platform" = pc ]; then
    set root=hd0
    if chainloader +1; then boot; fi
  fi
  # UEFI goes on to its next boot option; after success it would not
  exit 1
}
# GRUB's shell is reached by a key only, not by a command
menuentry 'Shell: press c' {
  echo 'Press c in the menu'
  sleep 2
}
`,
  );
});

const CHECKER = "grub-script-check";
const noChecker = labObstacle([CHECKER]);
Deno.test({
  name: `GRUB reads every script that is made${
    noChecker === undefined ? "" : ` (skipped: ${noChecker})`
  }`,
  ignore: noChecker !== undefined,
  async fn() {
    const images = [
      await imageWithMicrocode(),
      await unifiedImage(),
      await windowsImage(),
    ];
    const path = await Deno.makeTempFile();
    const check = async (script: string) => {
      await Deno.writeTextFile(path, script);
      const { success, stderr } = await new Deno.Command(CHECKER, {
        args: [path],
      }).output();
      assert.ok(success, `${new TextDecoder().decode(stderr)}\n${script}`);
    };
    try {
      await check(grubMenu(images, MENU));
      await check(grubMenu([], MENU));
      for (const kind of ["local", "network"] as const) {
        const choice = { kind, channel: "stable" };
        const told = { serial: "a'b\"c$d" };
        await check(grubMenu(images, { choice, told, asks: "all" }));
      }
      await check(grubRedirect("10.0.0.1:8080"));
      const cmdlines = fc.string({ unit: "grapheme-ascii", maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(
          cmdlines,
          fc.constantFrom(...images),
          async (cmdline, image) => {
            const config = grubConfig({ ...image, cmdline }, CLIENT);
            if (config.ok) await check(config.value);
          },
        ),
        { numRuns: 50 },
      );
    } finally {
      await Deno.remove(path);
    }
  },
});
