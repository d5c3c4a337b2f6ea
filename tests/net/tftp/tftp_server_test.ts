import assert from "node:assert/strict";
import { inTime, systemClock } from "../../../lib/core/clock.ts";
import { encodeError } from "../../../lib/net/tftp/packet.ts";
import {
  openTftpServer,
  type TftpRequest,
  type TftpServer,
} from "../../../lib/net/tftp/tftp_server.ts";
import { seededRandom } from "../../support/memory_lan.ts";
import { MemoryLogger } from "../../support/memory_logger.ts";
import { mutatedPacket, randomPacket } from "../../support/packet_mutation.ts";
import { tftpAcknowledgement, tftpRequest } from "../../support/tftp_client.ts";

const { signal } = new AbortController();
const LOADER = crypto.getRandomValues(new Uint8Array(50_000));
const FILES: Readonly<Record<string, Uint8Array>> = {
  "snponly.efi": LOADER,
  "arm64-efi/snponly.efi": LOADER.subarray(0, 1024),
  "empty": new Uint8Array(),
};

interface Lab extends AsyncDisposable {
  readonly server: TftpServer;
  readonly port: number;
  readonly logger: MemoryLogger;
  readonly sent: TftpRequest[];
}

function freePort(): number {
  using socket = closing(
    Deno.listenDatagram({ port: 0, transport: "udp", hostname: "127.0.0.1" }),
  );
  return (socket.conn.addr as Deno.NetAddr).port;
}

function closing(conn: Deno.DatagramConn) {
  return { conn, [Symbol.dispose]: () => conn.close() };
}

async function openLab(
  addresses: readonly string[] = ["127.0.0.1"],
  read = (name: string): Promise<Uint8Array | undefined> =>
    Promise.resolve(FILES[name]),
): Promise<Lab> {
  const logger = new MemoryLogger();
  const sent: TftpRequest[] = [];
  const port = freePort();
  const server = await openTftpServer({
    addresses,
    port,
    read: ({ name }) => read(name),
    onSent: (request) => sent.push(request),
    clock: systemClock,
    logger,
  }, { signal });
  return {
    server,
    port,
    logger,
    sent,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A socket of a client. */
class Client implements Disposable {
  readonly #conn: Deno.DatagramConn;
  readonly to: Deno.NetAddr;

  constructor({ port }: Lab, hostname = "127.0.0.1") {
    this.#conn = Deno.listenDatagram({
      port: 0,
      transport: "udp",
      hostname: "127.0.0.1",
    });
    this.to = { transport: "udp", hostname, port };
  }

  async send(packet: Uint8Array, to = this.to): Promise<void> {
    await this.#conn.send(packet, to);
  }

  /** The next packet; undefined when none comes. */
  async next(
    timeoutMs = 5000,
  ): Promise<[text: string, from: Deno.NetAddr] | undefined> {
    // One that comes to nothing ends with its socket.
    const received = this.#conn.receive().catch(() => undefined);
    const got = await inTime(systemClock, timeoutMs, received);
    return got && [
      String.fromCharCode(...got[0].subarray(0, 40)),
      got[1] as Deno.NetAddr,
    ];
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (what()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`never: ${what}`);
}

Deno.test("a transfer comes from a port of its own at the address that was asked", async () => {
  await using lab = await openLab(["127.0.0.1", "127.0.0.2"]);
  for (const address of lab.server.addresses) {
    using client = new Client(lab, address);
    await client.send(tftpRequest("/empty"));
    const [text, from] = await client.next() ?? assert.fail("no answer");
    assert.equal(text, "\0\x03\0\x01");
    assert.equal(from.hostname, address);
    assert.notEqual(from.port, lab.port);
    await client.send(tftpAcknowledgement(1), from);
  }
  await until(() => lab.sent.length === 2);
  assert.deepEqual(lab.sent[1], {
    name: "empty",
    client: "127.0.0.1",
    local: "127.0.0.2",
  });
  assert.equal(lab.server.transferCount, 0);
});

Deno.test("what is asked for first for its size and broken off, as OVMF does, is sent then", async () => {
  await using lab = await openLab();
  using probe = new Client(lab);
  await probe.send(tftpRequest("snponly.efi", "octet", { tsize: "0" }));
  const [text, from] = await probe.next() ?? assert.fail("no answer");
  assert.equal(text, "\0\x06tsize\x0050000\0");
  await probe.send(encodeError(8, "User aborted the transfer"), from);
  await until(() => lab.server.transferCount === 0);
  using client = new Client(lab);
  await client.send(
    tftpRequest("snponly.efi", "octet", {
      tsize: "0",
      blksize: "1468",
      windowsize: "4",
    }),
  );
  const [options] = await client.next() ?? assert.fail("no answer");
  assert.equal(
    options,
    "\0\x06blksize\x001468\0windowsize\x004\0tsize\x0050000\0",
  );
  assert.deepEqual(lab.sent, [], "nothing was taken whole");
  assert.deepEqual(lab.logger.lines, []);
});

Deno.test("everything but reading in octet mode is an error, and an error is not answered", async () => {
  await using lab = await openLab();
  const write = tftpRequest("snponly.efi");
  write[1] = 2;
  for (
    const [packet, answer] of [
      [tftpRequest("nothing"), "\0\x05\0\x01File not found\0"],
      [
        tftpRequest("snponly.efi", "netascii"),
        "\0\x05\0\x04Only octet mode is supported\0",
      ],
      [write, "\0\x05\0\x02Writing is not supported\0"],
      [tftpAcknowledgement(1), "\0\x05\0\x05Unknown transfer\0"],
    ] as const
  ) {
    using client = new Client(lab);
    await client.send(packet);
    assert.equal((await client.next())?.[0], answer);
  }
  using client = new Client(lab);
  await client.send(encodeError(0, "x"));
  await client.send(Uint8Array.of(0, 9, 0, 0));
  assert.equal(await client.next(300), undefined);
});

Deno.test("a stranger's packets do not disturb a transfer", async () => {
  await using lab = await openLab();
  using client = new Client(lab);
  using stranger = new Client(lab);
  await client.send(tftpRequest("arm64-efi/snponly.efi"));
  const [, from] = await client.next() ?? assert.fail("no answer");
  await stranger.send(encodeError(8, "mine"), from);
  await stranger.send(tftpAcknowledgement(1), from);
  assert.equal((await stranger.next())?.[0], "\0\x05\0\x05Unknown transfer\0");
  await client.send(tftpAcknowledgement(1), from);
  assert.equal((await client.next())?.[0].slice(0, 4), "\0\x03\0\x02");
});

Deno.test("a request that is repeated opens no second transfer, and a client no more than a few", async () => {
  const reading = Promise.withResolvers<Uint8Array | undefined>();
  let reads = 0;
  await using lab = await openLab(["127.0.0.1"], () => {
    reads++;
    return reading.promise;
  });
  using client = new Client(lab);
  for (let i = 0; i < 5; i++) await client.send(tftpRequest("empty"));
  await until(() => lab.server.transferCount > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(reads, 1);
  using others = new DisposableStack();
  for (let i = 0; i < 20; i++) {
    await others.use(new Client(lab)).send(tftpRequest("empty"));
  }
  await until(() => lab.server.transferCount >= 8);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(lab.server.transferCount, 8);
  reading.resolve(undefined);
  await until(() => lab.server.transferCount === 0);
});

Deno.test("what cannot be read is an error for the client, and a line for the operator", async () => {
  await using lab = await openLab(
    ["127.0.0.1"],
    () => Promise.reject(new Error("the disk is gone")),
  );
  using client = new Client(lab);
  await client.send(tftpRequest("a\x1bb"));
  assert.equal((await client.next())?.[0], "\0\x05\0\0Cannot be sent\0");
  assert.match(
    lab.logger.lines.join(),
    /Cannot send .* to 127\.0\.0\.1: the disk is gone$/,
  );
});

Deno.test("a server goes on at other addresses", async () => {
  await using lab = await openLab();
  await lab.server.listenOn(["127.0.0.2"]);
  assert.deepEqual(lab.server.addresses, ["127.0.0.2"]);
  using gone = new Client(lab);
  await gone.send(tftpRequest("empty"));
  using client = new Client(lab, "127.0.0.2");
  await client.send(tftpRequest("nothing"));
  assert.equal((await client.next())?.[0], "\0\x05\0\x01File not found\0");
  assert.equal(await gone.next(200).catch(() => undefined), undefined);
});

Deno.test("an address that cannot be had keeps no other from being answered at", async () => {
  await using lab = await openLab();
  await assert.rejects(
    lab.server.listenOn(["127.0.0.1", "192.0.2.1", "127.0.0.2"]),
    { code: "EADDRNOTAVAIL" },
  );
  assert.deepEqual(lab.server.addresses, ["127.0.0.1", "127.0.0.2"]);
});

Deno.test("a port that is taken is the system's error", async () => {
  await using lab = await openLab();
  await assert.rejects(
    openTftpServer({
      addresses: ["127.0.0.1"],
      port: lab.port,
      read: () => Promise.resolve(undefined),
      clock: systemClock,
      logger: lab.logger,
    }, { signal }),
    { code: "EADDRINUSE" },
  );
});

for (
  const [program, ...command] of [
    [
      "curl",
      "-s",
      "-o",
      "OUT",
      "--tftp-blksize",
      "1468",
      "tftp://127.0.0.1:PORT/FILE",
    ],
    [
      "curl",
      "-s",
      "-o",
      "OUT",
      "--tftp-no-options",
      "tftp://127.0.0.1:PORT/FILE",
    ],
    [
      "busybox",
      "tftp",
      "-g",
      "-b",
      "1000",
      "-l",
      "OUT",
      "-r",
      "FILE",
      "127.0.0.1",
      "PORT",
    ],
    [
      "atftp",
      "--option",
      "windowsize 8",
      "--option",
      "blksize 1428",
      "-g",
      "-l",
      "OUT",
      "-r",
      "FILE",
      "127.0.0.1",
      "PORT",
    ],
    ["tftp", "-m", "binary", "127.0.0.1", "PORT", "-c", "get", "FILE", "OUT"],
  ] as const
) {
  const found = await new Deno.Command("which", { args: [program] }).output();
  const name = `${program} ${command.slice(0, 4).join(" ")} takes a loader`;
  Deno.test({
    name: found.success ? name : `${name} (skipped: no ${program} here)`,
    ignore: !found.success,
    async fn() {
      await using lab = await openLab();
      const directory = await Deno.makeTempDir();
      try {
        for (const [file, content] of Object.entries(FILES)) {
          // curl takes an empty file for none.
          if (content.length === 0) continue;
          const out = `${directory}/out`;
          const args = command.map((word) =>
            word.replace("OUT", out).replace("PORT", String(lab.port))
              .replace("FILE", file)
          );
          const { success, stderr } = await new Deno.Command(program, { args })
            .output();
          assert.ok(success, new TextDecoder().decode(stderr));
          assert.deepEqual(await Deno.readFile(out), content, file);
        }
        await until(() => lab.sent.length === 2);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

const PACKETS = Number(Deno.env.get("PLASM_TFTP_PACKETS") ?? 20_000);

Deno.test({
  name: `${PACKETS} random and mutated packets change nothing`,
  async fn() {
    await using lab = await openLab();
    using client = new Client(lab);
    const random = seededRandom(PACKETS);
    const templates = [
      tftpRequest("nothing", "octet", { tsize: "0", blksize: "1468" }),
      tftpAcknowledgement(7),
      encodeError(8, "User aborted"),
    ];
    for (let i = 0; i < PACKETS; i++) {
      const template = templates[i % 4];
      await client.send(
        template === undefined
          ? randomPacket(random)
          : mutatedPacket(random, template),
      );
      // No more than the socket holds until they are read.
      if (i % 64 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    await until(() => lab.server.transferCount === 0);
    using after = new Client(lab);
    await after.send(tftpRequest("nothing"));
    assert.equal((await after.next())?.[0], "\0\x05\0\x01File not found\0");
    assert.deepEqual(lab.logger.lines, []);
    assert.deepEqual(lab.sent, []);
  },
});
