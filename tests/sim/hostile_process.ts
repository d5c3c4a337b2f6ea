// deno-lint-ignore-file no-console -- the line of JSON is its result
/**
 * One hostile host in a process of its own. Settings come as one JSON argument;
 * says in one line of JSON when it is ready, and ends with its stdin.
 */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { identify } from "@libp2p/identify";
import type { Libp2p, Stream } from "@libp2p/interface";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { lpStream } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { sleep, systemClock as clock } from "../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../lib/core/dht_protocol.ts";
import { createIdentity, type Identity } from "../../lib/net/dht/identity.ts";
import {
  decodeRequest,
  encodeAnswer,
  encodeRecord,
  encodeRequest,
  KadCall,
  type KadRequest,
  keyMultihash,
  type ReceivedRequest,
  sha256,
  type WirePeer,
} from "../../lib/net/dht/message.ts";
import { bootRecordKey } from "../../lib/wire/boot_record.ts";
import { withOwnAddress } from "./own_address.ts";
import { signedRecord } from "../support/boot_records.ts";

/** What the host does. */
export interface HostileSettings {
  /**
   * `sybils`: identities nearest to the image's key, that say to keep what they
   * are told and name each other only. `candidates`: nodes that answer with
   * records of their own that lead nowhere. `flood`: fills what the nodes keep.
   */
  readonly role: "sybils" | "candidates" | "flood";
  /** Of 127.0.0.0/8. */
  readonly host: string;
  /** How many identities at once. */
  readonly count: number;
  /** Nodes that it joins, or floods. */
  readonly targets: readonly string[];
}

/** What it says when it is ready. */
export interface HostileReady {
  /** Multiaddrs of its nodes. */
  readonly addresses: readonly string[];
}

const IMAGE = { channel: "stable", arch: "arm64" };
const KEY = new TextEncoder().encode(bootRecordKey(IMAGE));
const MULTIHASH = keyMultihash(KEY);
const { signal } = new AbortController();

/** Identities nearer to the key, or its multihash, than a network's nodes. */
async function ground(count: number): Promise<Identity[]> {
  const identities = await Promise.all(
    Array.from({ length: count * 50 }, () => createIdentity()),
  );
  const nearest = (key: Uint8Array) => {
    const target = sha256(key);
    return identities.map((identity) => ({
      identity,
      distance: sha256(identity.privateKey.publicKey.toMultihash().bytes)
        .map((byte, i) => byte ^ (target[i] ?? 0)).toHex(),
    })).sort((a, b) => a.distance < b.distance ? -1 : 1)
      .slice(0, count / 2).map(({ identity }) => identity);
  };
  return [...new Set([...nearest(KEY), ...nearest(MULTIHASH)])];
}

type Answer = (
  request: ReceivedRequest,
  self: Identity,
) => Promise<Uint8Array | undefined>;

/** Nodes of the host that answer as they like. */
async function openNodes(
  { host, targets }: HostileSettings,
  identities: readonly Identity[],
  answer: Answer,
): Promise<Libp2p[]> {
  return await Promise.all(identities.map(async (identity) => {
    const node = await createLibp2p({
      ...common(),
      privateKey: identity.privateKey,
      addresses: { listen: [`/ip4/${host}/tcp/0`] },
      connectionManager: { inboundConnectionThreshold: 1000 },
      services: { identify: identify(), ping: ping() },
    });
    await node.handle(DEFAULT_DHT_PROTOCOL, async (stream) => {
      const messages = lpStream(stream);
      try {
        while (true) {
          const bytes = new Uint8Array((await messages.read()).subarray());
          const request = decodeRequest(bytes);
          const reply = request.ok && await answer(request.value, identity);
          if (reply) await messages.write(reply);
        }
      } catch {
        stream.abort(new Error("over"));
      }
    });
    await node.handle("/libp2p/fetch/0.0.1", async (stream) => {
      const messages = lpStream(stream);
      try {
        await messages.read();
        const value = await worthless(identity, host);
        await messages.write(
          Uint8Array.of(8, 0, 18, ...varint(value.length), ...value),
        );
        await stream.close();
      } catch {
        stream.abort(new Error("over"));
      }
    });
    for (const target of targets) {
      await node.dial(multiaddr(target)).catch(() => {});
    }
    return node;
  }));
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, value >> 7];
}

function common() {
  return {
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  };
}

let lastWorthless = 0;

/** A record that is valid, and leads nowhere: another place each time. */
function worthless(identity: Identity, host: string): Promise<Uint8Array> {
  return signedRecord(IMAGE, identity, {
    url: `http://${host}:${httpPort}/${++lastWorthless}/manifest.json`,
    version: "9999",
  });
}

let httpPort = 1;

/** Every second request is never answered, the others with garbage. */
function serveGarbage(host: string): void {
  const server = Deno.listen({ hostname: host, port: 0 });
  httpPort = server.addr.port;
  const serve = async (connection: Deno.Conn, i: number) => {
    try {
      await connection.read(new Uint8Array(4096));
      if (i % 2 === 0) return;
      await connection.write(
        new TextEncoder().encode(
          "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ngarbage",
        ),
      );
      connection.close();
    } catch {
      // The client has gone.
    }
  };
  (async () => {
    let i = 0;
    for await (const connection of server) serve(connection, i++);
  })();
}

async function attack(settings: HostileSettings): Promise<HostileReady> {
  const { role, host, count } = settings;
  if (role === "flood") {
    for (let i = 0; i < count; i++) flood(settings);
    return { addresses: [] };
  }
  const identities = role === "sybils"
    ? await ground(count)
    : await Promise.all(Array.from({ length: count }, () => createIdentity()));
  if (role === "candidates") serveGarbage(host);
  const known: WirePeer[] = [];
  const nodes = await openNodes(settings, identities, async (request) => {
    const { call } = request;
    if (call === KadCall.addProvider) return undefined;
    if (role === "sybils" || call === KadCall.findNode) {
      return encodeAnswer({ request, closer: known });
    }
    // Another provider each time.
    const value = await worthless(await createIdentity(), host);
    const record = encodeRecord({
      key: KEY,
      value,
      ttlSeconds: 3600,
      receivedAtMs: clock.now(),
    });
    return encodeAnswer({ request, record, closer: known, providers: known });
  });
  for (const node of nodes) {
    known.push({
      multihash: node.peerId.toMultihash().bytes,
      addresses: node.getMultiaddrs().map((a) =>
        a.decapsulate(`/p2p/${node.peerId}`).bytes
      ),
    });
  }
  return {
    addresses: nodes.flatMap((node) => node.getMultiaddrs().slice(0, 1))
      .map(String),
  };
}

/** As fast as it goes, each round under a new name at another node. */
async function flood({ targets }: HostileSettings): Promise<never> {
  for (let round = Math.floor(Math.random() * targets.length);; round++) {
    const identity = await createIdentity();
    const node = await createLibp2p({
      ...common(),
      privateKey: identity.privateKey,
      addresses: { listen: [] },
    });
    try {
      const limit = AbortSignal.timeout(5000);
      await floodOne(
        node,
        identity,
        targets[round % targets.length] ?? "",
        limit,
      );
    } catch {
      await sleep(clock, 50, { signal }); // refused: it comes again
    }
    await node.stop();
  }
}

async function floodOne(
  node: Libp2p,
  identity: Identity,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const connection = await node.dial(multiaddr(target), { signal });
  const open = () => connection.newStream(DEFAULT_DHT_PROTOCOL, { signal });
  const multihash = node.peerId.toMultihash().bytes;
  const entry = (addresses: Uint8Array[]): KadRequest => ({
    call: KadCall.addProvider,
    key: MULTIHASH,
    provider: { multihash, addresses },
  });
  const longAddress = (i: number) =>
    multiaddr(`/dns4/${"x".repeat(50)}${i}.example/tcp/1`).bytes;
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => longAddress(i));
  for (const addresses of [many(8), many(200), many(20_000)]) {
    await tell(await open(), [entry(addresses)], signal);
  }
  const values = await Promise.all(Array.from({ length: 40 }, async () => {
    const image = { ...IMAGE, channel: `x${crypto.randomUUID().slice(0, 8)}` };
    const value = await signedRecord(image, identity, {
      url: `http://127.0.0.1:1/${"x".repeat(2000)}`,
      ttlSeconds: 86_000,
    });
    const key = new TextEncoder().encode(bootRecordKey(image));
    return {
      call: KadCall.putValue,
      key,
      record: encodeRecord({ key, value, ttlSeconds: 86_000, receivedAtMs: 0 }),
    };
  }));
  await tell(await open(), values, signal);
  for (let i = 0; i < 20; i++) {
    const half = await open();
    half.send(Uint8Array.of(0x80, 0x40)); // 8 KiB to come
    half.send(new Uint8Array(4096));
  }
  await sleep(clock, 500, { signal });
}

async function tell(
  stream: Stream,
  requests: readonly KadRequest[],
  signal: AbortSignal,
): Promise<void> {
  const messages = lpStream(stream);
  try {
    for (const request of requests) {
      await messages.write(encodeRequest(request), { signal });
    }
    await stream.close({ signal });
  } catch {
    // It is refused, as it should be.
  }
}

if (import.meta.main) {
  const settings: HostileSettings = JSON.parse(Deno.args[0] ?? "");
  const ready = await withOwnAddress(settings.host, () => attack(settings));
  console.log(JSON.stringify(ready));
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}
