import assert from "node:assert/strict";
import type { Result } from "../../lib/core/result.ts";
import type { Link } from "../../lib/net/interfaces.ts";
import {
  type Endpoint,
  MDNS_PORT,
  type MdnsNetwork,
  type MdnsSocket,
  type MdnsSocketKind,
} from "../../lib/net/mdns/socket.ts";

/** A network to try, and how to wait for its packets. */
export interface NetworkUnderTest {
  /** What must keep the contract. */
  readonly network: MdnsNetwork;
  /** A link it has, with an IPv4 address. */
  readonly link: Link;
  /** Lets packets arrive. */
  readonly settle: () => Promise<void>;
}

interface Received {
  readonly text: string;
  readonly from: Endpoint;
}

/** Opens a socket that is closed at the end of the test. */
type OpenSocket = (
  kind: MdnsSocketKind,
) => Promise<{ socket: MdnsSocket; received: Received[] }>;

/** What every `MdnsNetwork` must do. */
const CASES: readonly (readonly [
  title: string,
  body: (under: NetworkUnderTest, openSocket: OpenSocket) => Promise<void>,
])[] = [
  [
    "lets every group socket hear the group, the sender too",
    async (under, openSocket) => {
      const [a, b] = [await openSocket("group"), await openSocket("group")];
      const packet = packetOf("hello");
      assert.deepEqual(await a.socket.multicast(packet), SENT);
      await under.settle();
      const address = under.link.addresses[0]?.address;
      const expected = [{
        text: `${MARK} hello`,
        from: { address, port: MDNS_PORT },
      }];
      for (const { received } of [a, b]) {
        assert.deepEqual(received.map(plain), expected);
      }
    },
  ],
  [
    "answers an ephemeral socket by unicast, which no group socket hears",
    async (under, openSocket) => {
      const [server, client] = [
        await openSocket("group"),
        await openSocket("ephemeral"),
      ];
      await client.socket.multicast(packetOf("question"));
      await under.settle();
      const [question] = server.received;
      assert.equal(question?.text, `${MARK} question`);
      assert.notEqual(question.from.port, MDNS_PORT);
      assert.equal(client.received.length, 0, "not joined to the group");

      server.received.length = 0;
      const sent = await server.socket.send(packetOf("answer"), question.from);
      assert.deepEqual(sent, SENT);
      await under.settle();
      assert.deepEqual(client.received.map(({ text }) => text), [
        `${MARK} answer`,
      ]);
      assert.equal(client.received[0]?.from.port, MDNS_PORT);
      assert.deepEqual(server.received, []);
    },
  ],
  [
    "gives no unicast sent to port 5353 to a group socket",
    async (under, openSocket) => {
      const [server, client] = [
        await openSocket("group"),
        await openSocket("ephemeral"),
      ];
      const address = under.link.addresses[0]?.address ?? "";
      await client.socket.send(packetOf("direct"), {
        address,
        port: MDNS_PORT,
      });
      await under.settle();
      assert.deepEqual(server.received, []);
    },
  ],
  ["tells that its sockets are alive", async (_under, openSocket) => {
    for (const kind of ["group", "ephemeral"] as const) {
      const { socket } = await openSocket(kind);
      assert.equal(socket.isAlive(), true);
      assert.equal(socket.isAlive(), true, "asking changes nothing");
    }
  }],
  ["refuses a link whose address is gone", async (under) => {
    const link: Link = {
      ...under.link,
      addresses: [{
        interfaceName: under.link.interfaceName,
        address: "192.0.2.123",
        prefixLength: 24,
      }],
    };
    const opened = await under.network.open(link, "ephemeral", () => {});
    assert.deepEqual(opened, { ok: false, reason: "address is gone" });
  }],
  [
    "sends again where the only group socket was closed while it was sending",
    async (_under, openSocket) => {
      for (let i = 0; i < 5; i++) {
        const { socket } = await openSocket("group");
        for (let n = 0; n < i; n++) void socket.multicast(packetOf("cut off"));
        await socket[Symbol.asyncDispose]();
      }
      const { socket } = await openSocket("group");
      const sent = socket.multicast(packetOf("anew"));
      const late = Promise.withResolvers<"not within 2 s">();
      const timer = setTimeout(() => late.resolve("not within 2 s"), 2000);
      assert.deepEqual(await Promise.race([sent, late.promise]), SENT);
      clearTimeout(timer);
    },
  ],
  [
    "delivers nothing once it is closed, and sends nothing",
    async (under, openSocket) => {
      const [open, closed] = [
        await openSocket("group"),
        await openSocket("group"),
      ];
      await closed.socket[Symbol.asyncDispose]();
      await open.socket.multicast(packetOf("late"));
      const sent = await closed.socket.multicast(packetOf("never"));
      await under.settle();
      assert.equal(sent.ok, false);
      assert.deepEqual(closed.received, []);
      assert.deepEqual(open.received.map(({ text }) => text), [`${MARK} late`]);
    },
  ],
];

/**
 * Tests what every `MdnsNetwork` must do, in memory and for real.
 *
 * @param name of the network, for the tests' names
 */
export function testMdnsNetwork(
  name: string,
  open: () => NetworkUnderTest,
): void {
  for (const [title, body] of CASES) {
    Deno.test(`${name} ${title}`, async () => {
      await using stack = new AsyncDisposableStack();
      const under = open();
      await body(under, async (kind) => {
        const received: Received[] = [];
        const socket = await under.network.open(
          under.link,
          kind,
          (packet, from) => {
            const text = new TextDecoder().decode(
              packet.subarray(HEADER.length),
            );
            if (text.startsWith(MARK)) received.push({ text, from });
          },
        );
        return { socket: stack.use(valueOf(socket)), received };
      });
    });
  }
}

/** Of a message without questions: other programs that hear it pass it over. */
const HEADER = new Uint8Array(12);
/** They use the same port: what is ours has this behind its header. */
const MARK = `test ${Deno.pid}`;
const SENT = { ok: true, value: undefined };

function packetOf(text: string): Uint8Array {
  const body = new TextEncoder().encode(`${MARK} ${text}`);
  return Uint8Array.from([...HEADER, ...body]);
}

function plain({ text, from: { address, port } }: Received) {
  return { text, from: { address, port } };
}

function valueOf<T>(result: Result<T>): T {
  assert.ok(result.ok, result.ok ? "" : result.reason);
  return result.value;
}
