/**
 * From found to booted: a machine starts with what examples/initramfs/build.sh
 * makes, finds an image, fetches it, and hands over to its kernel. It is
 * believed only what the image itself says.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  GUEST_LIMIT_MS,
  type HandoverLab,
  handoverTest,
  owner,
  SERVER,
  stranger,
} from "../../support/handover_lab.ts";
import { until } from "../../support/lab_program.ts";
import { sha256Hex } from "../../support/memory_catalog.ts";
import { flipBit, runWell, writeKeys } from "../../support/signed_image.ts";

const LAN = "plasm.mode=lan";
const STATE = "plasm.state=/dev/vda";

await handoverTest("boots what it found by mDNS, and remembers that", {
  runs: "always",
  async body(lab) {
    await lab.image({ version: "2026.11-a" });
    await lab.dhcp();
    await lab.serve(lab.server);
    const disk = await lab.disk({});
    await lab.runs(await lab.boot([LAN, STATE], { disk }), "2026.11-a");
    const state = JSON.parse(await lab.fileOnDisk(disk, "state.json"));
    assert.ok(state.manifest_versions["stable/x86_64"] > 1);
  },
});

await handoverTest("boots what it found in the DHT", {
  async body(lab) {
    await lab.image({ version: "2026.11-b" });
    await lab.dhcp();
    const meeting = lab.start(await lab.host("10.0.0.2"), [
      ...["bootstrap", "--state-dir", await lab.directory("meeting")],
    ]);
    const [, address = ""] = await meeting.line(/DHT node (\S+)/);
    await lab.serve(lab.server, {
      args: ["--no-mdns", "--bootstrap", address],
    });
    const guest = await lab.boot([
      ...["plasm.mode=wan", `plasm.bootstrap=${address}`],
      "plasm.timeout=200",
    ]);
    await lab.runs(guest, "2026.11-b");
  },
});

await handoverTest("refuses an image that another key has signed", {
  async body(lab) {
    await lab.image({ version: "2026.11-c" });
    await lab.dhcp();
    await lab.serve(lab.server, { key: stranger });
    await lab.givesUp(await lab.boot([LAN]), 4);
  },
});

await handoverTest("refuses an image that is older than one it had", {
  async body(lab) {
    await lab.image({ version: "2026.11-d" });
    await lab.dhcp();
    await lab.serve(lab.server);
    const disk = await lab.disk({
      "state.json": JSON.stringify({
        manifest_versions: { "stable/x86_64": 9_000_000_000 },
      }),
    });
    await lab.givesUp(await lab.boot([LAN, STATE], { disk }), 4);
  },
});

await handoverTest("does not go on without the disk that remembers", {
  async body(lab) {
    await lab.image({ version: "2026.11-e" });
    await lab.dhcp();
    await lab.serve(lab.server);
    const guest = await lab.boot([LAN, STATE]);
    await guest.shows(/plasm: cannot mount \/dev\/vda/, GUEST_LIMIT_MS);
    await guest.shows(/Power down/, GUEST_LIMIT_MS);
    assert.doesNotMatch(guest.console, /starting version|GUEST UP/);
  },
});

/** The files of a provider that does not hold what its owner signed. */
async function signedSite(
  lab: HandoverLab,
  { name = "stable/x86_64", tampered }: { name?: string; tampered?: string },
): Promise<string> {
  const image = await lab.image({ name, version: "2026.11-f" });
  await writeKeys(image, { "owner.pem": owner });
  const key = join(image, "owner.pem");
  const [channel = "", arch = ""] = name.split("/");
  await runWell([
    ...["manifest", "generate", "--artifacts", join(image, "../..")],
    ...["--channel", channel, "--arch", arch],
  ]);
  await runWell([
    ...["manifest", "sign", join(image, "manifest.json"), "--key", key],
  ]);
  const site = await lab.directory("site");
  const place = await lab.directory("site/stable/x86_64");
  const blobs = await lab.directory("site/blobs/sha256");
  for (const file of ["manifest.json", "vmlinuz", "initramfs.img"]) {
    const bytes = await Deno.readFile(join(image, file));
    const copies = [
      ...[join(place, file), join(blobs, await sha256Hex(bytes))],
    ];
    for (const copy of copies) {
      await Deno.writeFile(copy, bytes);
      if (file === tampered) await flipBit(copy);
    }
  }
  return site;
}

await handoverTest("boots what such a provider has unchanged", {
  async body(lab) {
    await lab.lie(await signedSite(lab, {}));
    await lab.dhcp();
    await lab.runs(await lab.boot([LAN]), "2026.11-f");
  },
});

await handoverTest("refuses an initramfs that was tampered with", {
  async body(lab) {
    await lab.lie(await signedSite(lab, { tampered: "initramfs.img" }));
    await lab.dhcp();
    await lab.givesUp(await lab.boot([LAN, "plasm.attempts=1"]), 5);
  },
});

await handoverTest("refuses the image of another architecture", {
  async body(lab) {
    await lab.lie(await signedSite(lab, { name: "stable/arm64" }));
    await lab.dhcp();
    await lab.givesUp(await lab.boot([LAN]), 4);
  },
});

await handoverTest("boots though one of two providers is killed midway", {
  async body(lab) {
    const image = await lab.image({ version: "2026.11-g" });
    const manifest = join(image, "manifest.json");
    await runWell([
      ...["manifest", "generate", "--artifacts", join(image, "../..")],
      ...["--channel", "stable", "--arch", "x86_64"],
    ]);
    const key = await lab.directory("key");
    await writeKeys(key, { "owner.pem": owner });
    await runWell(["manifest", "sign", manifest, "--key", `${key}/owner.pem`]);
    await lab.dhcp();
    // Slow enough for a download to have a middle.
    const config = "[http]\nmax_rate_per_connection = 500000\n";
    const hosts = [lab.server, await lab.host("10.0.0.2")];
    const providers = await Promise.all(
      hosts.map((host) => lab.serve(host, { config })),
    );
    const guest = await lab.boot([LAN]);
    await until("one of them has sent something", async () => {
      for (const [index, host] of hosts.entries()) {
        const metrics = await host.exec(
          ...["curl", "-s", "http://127.0.0.1:8080/metrics"] as const,
        );
        const sent = /^plasmd_sent_bytes_total (\d+)/m.exec(metrics)?.[1];
        if (Number(sent) < 1e6) continue;
        await providers[index]?.end("SIGKILL");
        return true;
      }
      return false;
    }, GUEST_LIMIT_MS);
    assert.doesNotMatch(guest.console, /starting version/);
    await lab.runs(guest, "2026.11-g");
  },
});

await handoverTest("gets stage one by iPXE from the same provider", {
  async body(lab) {
    await lab.image({ version: "2026.11-h" });
    await lab.stageOneAsImage("first/x86_64", LAN);
    await lab.dhcp(`http://${SERVER}:8080/first/x86_64/boot.ipxe`);
    await lab.serve(lab.server);
    await lab.runs(await lab.bootFromNetwork(), "2026.11-h");
  },
});

await handoverTest("of 256 MB of memory boots, with a root of ramfs", {
  async body(lab) {
    await lab.image({ version: "2026.11-i" });
    await lab.dhcp();
    await lab.serve(lab.server);
    const guest = await lab.boot([LAN, "rootfstype=ramfs"], { memoryMib: 256 });
    await lab.runs(guest, "2026.11-i");
  },
});

await handoverTest("of arm64 boots what it found by mDNS", {
  runs: "--arm64",
  async body(lab) {
    await lab.image({ version: "2026.11-j" });
    await lab.dhcp();
    await lab.serve(lab.server);
    await lab.runs(await lab.boot([LAN]), "2026.11-j");
  },
});
