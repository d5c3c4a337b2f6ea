import assert from "node:assert/strict";
import type { ServedImage } from "../../../lib/http/artifacts/image_catalog.ts";
import {
  grubConfig,
  ipxeMenu,
  ipxeScript,
} from "../../../lib/http/boot/boot_script.ts";
import { errorOf, httpFixture, request } from "../../support/http_fixture.ts";

async function stable(): Promise<ServedImage> {
  const [image] = (await httpFixture()).catalog.images();
  assert.ok(image);
  return image;
}

const HASH = { kernel: "c".repeat(64), initramfs: "d".repeat(64) };

/** With hashes that a script is readable with. */
async function readable(): Promise<ServedImage> {
  const image = await stable();
  const artifacts = new Map(image.artifacts);
  for (const role of ["kernel", "initramfs"] as const) {
    const artifact = artifacts.get(role);
    assert.ok(artifact);
    artifacts.set(role, { ...artifact, sha256: HASH[role] });
  }
  return { ...image, artifacts };
}

function without(image: ServedImage, role: string): ServedImage {
  const artifacts = new Map(image.artifacts);
  artifacts.delete(role);
  return { ...image, artifacts };
}

Deno.test("ipxeScript() loads by hash, with the manifest's cmdline, and retries", async () => {
  const script = ipxeScript(await readable());
  assert.deepEqual(script, {
    ok: true,
    value: `#!ipxe
# stable/arm64 2026.11.22, as its signed manifest has it
isset \${attempt} || set attempt:int32 1
imgfree
kernel --name kernel /blobs/sha256/${HASH.kernel} initrd=initramfs console=ttyAMA0 quiet || goto again
initrd --name initramfs /blobs/sha256/${HASH.initramfs} || goto again
boot || goto again

:again
iseq \${attempt} 5 && goto failed ||
echo stable/arm64 did not load, try \${attempt} of 5
inc attempt
sleep 2
chain --replace boot.ipxe || goto again

:failed
echo stable/arm64 did not load in 5 tries
clear attempt
exit 1
`,
  });
});

Deno.test("ipxeScript() of a kernel alone names nothing else", async () => {
  const { cmdline: _, ...image } = without(await readable(), "initramfs");
  const script = ipxeScript(image);
  assert.ok(script.ok);
  assert.match(
    script.value,
    /^kernel --name kernel \/blobs\/sha256\/c+ \|\| goto again\nboot \|\|/m,
  );
  assert.doesNotMatch(script.value, /initr/);
});

/** An image whose microcode is loaded before its initramfs. */
async function withMicrocode(): Promise<ServedImage> {
  const image = await readable();
  const main = image.artifacts.get("initramfs");
  assert.ok(main);
  const microcode = {
    ...main,
    filename: "cpu/ucode.img",
    sha256: "e".repeat(64),
  };
  return {
    ...image,
    artifacts: new Map(image.artifacts).set("cpu/ucode.img", microcode),
    initrds: ["cpu/ucode.img", main.filename],
  };
}

Deno.test("ipxeScript() loads several initrds in the manifest's order", async () => {
  const script = ipxeScript(await withMicrocode());
  assert.ok(script.ok);
  const loads = script.value.split("\n")
    .filter((line) => /^(kernel|initrd) /.test(line));
  assert.deepEqual(loads, [
    `kernel --name kernel /blobs/sha256/${HASH.kernel} initrd=initrd0 initrd=initramfs console=ttyAMA0 quiet || goto again`,
    `initrd --name initrd0 /blobs/sha256/${"e".repeat(64)} || goto again`,
    `initrd --name initramfs /blobs/sha256/${HASH.initramfs} || goto again`,
  ]);
});

Deno.test("grubConfig() loads several initrds in the manifest's order", async () => {
  const config = grubConfig(await withMicrocode());
  assert.ok(config.ok);
  assert.match(
    config.value,
    /^ {2}initrd "\$image\/cpu\/ucode.img" "\$image\/initramfs"$/m,
  );
});

Deno.test("ipxeMenu() picks the arch, and asks where there is a choice", async () => {
  const image = await stable();
  const menu = ipxeMenu([
    image,
    { ...image, image: { channel: "testing", arch: "x86_64" } },
    {
      ...image,
      image: { channel: "testing", arch: "arm64" },
      version: "next ${x}\n",
    },
  ]);
  assert.equal(
    menu,
    `#!ipxe
# In BIOS builds of iPXE buildarch is i386, whatever the CPU can do
set arch \${buildarch}
set tries:int32 1
iseq \${platform} pcbios && cpuid --ext 29 && set arch x86_64 ||
goto arch_\${arch} || goto none

:arch_arm64
menu Images for arm64
item stable stable 2026.11.22
item testing testing next___x__
choose --timeout 10000 channel || exit 1
:load_arm64
chain --replace \${channel}/arm64/boot.ipxe || goto again

:arch_x86_64
:load_x86_64
chain --replace testing/x86_64/boot.ipxe || goto again

:none
echo No image for \${arch} here; served: stable/arm64, testing/x86_64, testing/arm64
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
`,
  );
});

Deno.test("ipxeMenu() says when nothing is served yet", () => {
  assert.match(ipxeMenu([]), /echo No image for .* served: nothing yet\n/);
});

Deno.test("grubConfig() loads from where it came from", async () => {
  assert.deepEqual(grubConfig(await stable()), {
    ok: true,
    value: `# stable/arm64 2026.11.22, as its signed manifest has it
set image="$config_directory"
set timeout=10

menuentry 'stable/arm64 2026.11.22' {
  linux "$image/kernel" 'console=ttyAMA0' 'quiet'
  initrd "$image/initramfs"
}
`,
  });
});

Deno.test("grubConfig() of a kernel alone names nothing else", async () => {
  const { cmdline: _, ...image } = without(await stable(), "initramfs");
  const config = grubConfig(image);
  assert.ok(config.ok);
  assert.match(config.value, /\{\n {2}linux "\$image\/kernel"\n\}\n$/);
});

for (
  const cmdline of [
    "quiet\nshell",
    "quiet\r\nshell",
    "quiet\tsplash",
    "caf\u00e9",
    "a ${b}",
    "a || b",
    "a && b",
    "a ; b",
    "a #b",
  ]
) {
  Deno.test(`ipxeScript() refuses cmdline ${JSON.stringify(cmdline)}`, async () => {
    const script = ipxeScript({ ...await stable(), cmdline });
    assert.ok(!script.ok);
    assert.match(script.reason, /^The cmdline of stable\/arm64 .* iPXE: it/);
  });
}

for (const cmdline of ["quiet\n}", "caf\u00e9", "it's", "a\\b", 'a"b']) {
  Deno.test(`grubConfig() refuses cmdline ${JSON.stringify(cmdline)}`, async () => {
    const config = grubConfig({ ...await stable(), cmdline });
    assert.ok(!config.ok);
    assert.match(config.reason, /^The cmdline of stable\/arm64 .* GRUB: it/);
  });
}

Deno.test("grubConfig() quotes what GRUB would otherwise read itself", async () => {
  const config = grubConfig({
    ...await stable(),
    cmdline: 'root=$x  dyndbg="file a +p;" a;b {c} <d> #e',
  });
  assert.ok(config.ok);
  assert.match(
    config.value,
    /kernel" 'root=\$x' 'dyndbg=file a \+p;' 'a;b' '\{c\}' '<d>' '#e'\n/,
  );
});

for (
  const path of [
    "/boot.ipxe",
    "/stable/arm64/boot.ipxe",
    "/stable/arm64/grub.cfg",
    "/STABLE/aarch64/BOOT.IPXE",
  ]
) {
  Deno.test(`GET ${path} is plain text with its length`, async () => {
    const fixture = await httpFixture();
    const response = await request(fixture, path);
    assert.equal(response.status, 200);
    assert.equal(
      response.headers.get("content-type"),
      "text/plain; charset=utf-8",
    );
    const bytes = await response.bytes();
    assert.equal(response.headers.get("content-length"), `${bytes.length}`);
    assert.doesNotMatch(new TextDecoder().decode(bytes), /10\.0\.0\.1/);
  });
}

Deno.test("a cmdline that a script cannot hold is 500 and says why", async () => {
  const fixture = await httpFixture();
  fixture.catalog.set([{ ...await stable(), cmdline: "a || b" }]);
  const response = await request(fixture, "/stable/arm64/boot.ipxe");
  assert.equal(response.status, 500);
  assert.equal(
    await errorOf(response),
    'The cmdline of stable/arm64 cannot be passed by iPXE: it holds "||"',
  );
});
