/** What firmware gets by TFTP from `plasmd serve --pxe`, on a cable of its own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { labTest } from "../support/network_lab.ts";
import { start, temporaryDirectory } from "../support/programs.ts";

/** Of the first of two hosts. */
const ADDRESS = "10.77.0.1";
const PACKETS = 20_000;

/** Sends packets that are nothing, and mutated requests, from port to port. */
const FLOOD = `
import random, socket, sys
random.seed(69)
request = bytearray(b"\\0\\1nothing.efi\\0octet\\0tsize\\0000\\0blksize\\0001468\\0")
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[2])):
    if i % 500 == 0:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packet = bytearray(request if i % 2 else random.randbytes(random.randrange(300)))
    for _ in range(random.randrange(4)):
        if packet: packet[random.randrange(len(packet))] = random.randrange(256)
    sock.sendto(packet, (sys.argv[1], 69))
`;

labTest(
  "firmware takes its loader by TFTP, and a flood of packets changes nothing",
  ["curl", "python3"],
  async (lab) => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await makeFiles(path, {
      "artifacts/stable/x86_64/vmlinuz": 1000,
      "loaders/snponly.efi": 700_000,
      "loaders/.hidden": 10,
      "secret": 10,
      "plasmd.toml": '[pxe]\nloaders = "loaders"\n',
    });
    const [server, client] = await lab.twoHosts();
    await using provider = start("plasmd", [
      ...["serve", "--pxe", "--no-dht", "--no-mdns"],
      ...["--config", join(path, "plasmd.toml")],
      ...["--channel", "stable", "--arch", "x86_64"],
      ...["--artifacts", join(path, "artifacts")],
      ...["--state-dir", join(path, "state")],
    ], { prefix: server.prefix });
    await provider.line(/WARN No boot loader for BIOS x86_64: put undionly/);
    await provider.line(/INFO Boot loaders: UEFI x86_64 snponly\.efi\n/);
    await provider.line(/WARN Serving stable\/x86_64, /);
    const get = (name: string) =>
      client.exec(
        ...["curl", "-s", "--fail", "-o", join(path, "got")],
        `tftp://${ADDRESS}/${name}`,
      );
    const takesLoader = async () => {
      await get("snponly.efi");
      assert.deepEqual(
        await Deno.readFile(join(path, "got")),
        await Deno.readFile(join(path, "loaders/snponly.efi")),
      );
    };
    await takesLoader();
    await provider.line(/INFO [\d.]+: loader snponly\.efi sent by TFTP\n/);
    await get("autoexec.ipxe");
    assert.match(
      await Deno.readTextFile(join(path, "got")),
      new RegExp(`\nchain --replace http://${ADDRESS}:8080/boot\\.ipxe\\?mac=`),
    );
    for (const name of ["secret", "../secret", ".hidden", "nothing"]) {
      await assert.rejects(get(name), name);
    }
    const before = provider.lines().length;
    await client.exec("python3", "-c", FLOOD, ADDRESS, String(PACKETS));
    await takesLoader();
    assert.deepEqual(provider.lines().slice(before), []);
  },
);
