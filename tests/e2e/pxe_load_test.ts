/**
 * What a rack that is switched on, a flood of nonsense and a DHCP server on the
 * same host have of `plasmd serve --pxe`.
 */
import assert from "node:assert/strict";
import { encodeDhcp } from "../../lib/net/dhcp/encode_message.ts";
import { addressBytes } from "../../lib/net/ip_address.ts";
import { CLIENT, PROVIDER, PxeLan } from "../support/dhcp_lan.ts";
import {
  bootPacket,
  bootRequest,
  type ReadAnswer,
} from "../support/dhcp_requests.ts";
import { until } from "../support/lab_program.ts";
import { seededRandom } from "../support/memory_lan.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";
import {
  below,
  mutatedPacket,
  randomPacket,
} from "../support/packet_mutation.ts";

const PROGRAMS = ["python3"];
const GUESTS = 200;
const MUTATED = 20_000;

function macOf(number: number): string {
  const hex = number.toString(16).padStart(4, "0");
  return `52:54:01:00:${hex.slice(0, 2)}:${hex.slice(2)}`;
}

labTest(
  `${GUESTS} machines that are switched on in one second are all answered in time`,
  PROGRAMS,
  async (lab) => {
    await using lan = await PxeLan.open(lab);
    for (let i = 0; i < GUESTS; i++) {
      // As far apart as that takes a second.
      const xid = 0x1000 + i;
      await lan.ask({ mac: macOf(i), xid, archType: [0, 7, 16][i % 3] ?? 0 });
      await new Promise((resolve) => setTimeout(resolve, 1000 / GUESTS));
    }
    const answered = () =>
      new Map(lan.answers.map(({ xid, seconds }) => [xid, seconds]));
    await until("all are answered", () => answered().size === GUESTS);
    const sentAt = lan.sentAt;
    const waits = [...answered()]
      .map(([xid, seconds]) => (seconds - (sentAt.get(xid) ?? NaN)) * 1000)
      .sort((a, b) => a - b);
    const p99 = waits[Math.floor(waits.length * 0.99)] ?? NaN;
    assert.ok(p99 < 500, `p99 is ${p99} ms`);
  },
);

async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

labTest(
  `${MUTATED} mutated packets of DHCP and TFTP change nothing`,
  PROGRAMS,
  async (lab) => {
    await using lan = await PxeLan.open(lab);
    const random = seededRandom(69);
    const dhcp = [
      bootPacket({ uuid: new Uint8Array(16).fill(7) }),
      bootPacket({ isIpxe: true, archType: 0 }),
      bootPacket({ type: "REQUEST", relay: "10.0.0.99" }),
    ];
    const tftp = ["snponly.efi", "autoexec.ipxe", "../../etc/passwd"].map((
      name,
    ) =>
      new TextEncoder().encode(
        `\0\x01${name}\0octet\0blksize\x001468\0windowsize\x004\0tsize\x000\0`,
      )
    );
    const mutated = (templates: readonly Uint8Array[]) => {
      const template = templates[below(random, templates.length + 1)];
      return template === undefined
        ? randomPacket(random)
        : mutatedPacket(random, template).slice(0, 1400);
    };
    const send = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const kind = i % 4;
        // A frame holds no more.
        if (kind === 0) await lan.broadcast(mutated(dhcp).slice(0, 1400));
        else if (kind === 1) await lan.unicast(mutated(dhcp), 4011);
        else await lan.unicast(mutated(tftp), 69);
        // A socket keeps a few hundred packets.
        if (i % 100 === 99) {
          await new Promise((resolve) => setTimeout(resolve, 30));
        }
      }
    };
    await send(MUTATED / 4);
    const before = await residentBytes(lan.provider.pid);
    await send(MUTATED * 3 / 4);
    const xid = 0xabcdef;
    const isAnswered = () => lan.answers.some((answer) => answer.xid === xid);
    await until("a machine is answered after that", async () => {
      await lan.ask({ xid });
      await new Promise((resolve) => setTimeout(resolve, 100));
      return isAnswered();
    });
    const grown = await residentBytes(lan.provider.pid) - before;
    assert.ok(grown < 64 << 20, `it grew by ${grown >> 20} MiB`);
    const lines = lan.provider.lines().length;
    assert.ok(lines < 700, `${lines} lines in the log`);
    assert.deepEqual(
      lan.provider.lines().filter((line) => /^ERROR|malformed/.test(line)),
      [],
    );
  },
);

/** Without an address in `yiaddr`, no client takes an answer for a lease. */
function leases(answers: readonly ReadAnswer[]): ReadAnswer[] {
  return answers.filter(({ message }) =>
    message.yiaddr.some((byte) => byte > 0)
  );
}

/** A client renews by unicast from its own address, RFC 2131 section 4.4.5. */
function renewal(xid: number): Uint8Array {
  const encoded = encodeDhcp({
    ...bootRequest({ type: "REQUEST", xid, mac: macOf(1), without: [93, 60] }),
    ciaddr: addressBytes(CLIENT) ?? new Uint8Array(4),
    flags: 0,
  });
  assert.ok(encoded.ok);
  return encoded.value;
}

async function startDnsmasq(host: LabHost): Promise<void> {
  const dnsmasq = host.start(
    "dnsmasq",
    ...["--conf-file=", "--keep-in-foreground", "--user=root", "--port=0"],
    ...["--pid-file", "--interface=e0", "--log-facility=-", "--leasefile-ro"],
    // Without it dnsmasq shares the port with nobody.
    "--bind-dynamic",
    // It would wait three seconds before each offer.
    "--no-ping",
    ...["--dhcp-range=10.0.0.50,10.0.0.99,2m", "--dhcp-authoritative"],
    `--dhcp-host=${macOf(1)},${CLIENT}`,
  );
  // It has port 67 before the provider comes.
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(dnsmasq.lines.length, 0);
}

labTest("a DHCP server on the provider's own host keeps its renewals", [
  ...PROGRAMS,
  "dnsmasq",
], async (lab) => {
  await using lan = await PxeLan.open(lab, { before: startDnsmasq });
  const RENEWALS = 200;
  for (let i = 0; i < RENEWALS; i++) {
    await lan.ask({ mac: macOf(1000 + i), xid: 0x9000 + i });
    await lan.unicast(renewal(0x5000 + i), 67);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const renewed = () =>
    leases(lan.answers).filter(({ xid }) => xid >= 0x5000 && xid < 0x6000);
  const offered = () =>
    lan.answers.filter(({ xid, file }) => xid >= 0x9000 && file !== "");
  await until("all machines are answered", () => offered().length === RENEWALS);
  await until(
    "nearly all renewals are",
    () => renewed().length >= RENEWALS * 0.9,
  );
  assert.deepEqual(
    new Set(renewed().map(({ server, type }) => `${type} ${server}`)),
    new Set([`ACK ${PROVIDER}`]),
  );
});
