/** DHT nodes that do harm, each in its own way, to those who ask them. */
import type { Stream } from "@libp2p/interface";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { sleep, systemClock as clock } from "../../lib/core/clock.ts";
import { createIdentity, type Identity } from "../../lib/net/dht/identity.ts";
import { type BootRecord, bootRecordKey } from "../../lib/wire/boot_record.ts";
import { signedRecord } from "./boot_records.ts";
import { unlimited } from "./dht_nodes.ts";
import { encodeAnswer } from "./kad_answers.ts";

/** What a hostile node knows. */
export interface HostileScene {
  /** What the client looks for. */
  readonly image: ChannelArch;
  /** Multiaddr with peer id of the node that has it. */
  readonly honest: string;
  /** Its own. */
  readonly self: () => string;
  /** Multiaddr of a host that accepts connections and says nothing. */
  readonly silent: string;
}

/** What a hostile node answers to a request; it may use the stream itself. */
export type HostileAnswer = (
  scene: HostileScene,
  stream: Stream,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

const attacker = await createIdentity();
const strangers = await Promise.all(
  Array.from({ length: 256 }, async () => (await createIdentity()).peerId),
);

/** Nodes that do not exist, at ports where nobody listens. */
const refused = strangers.map((id, i) =>
  `/ip4/127.0.0.1/tcp/${i + 1}/p2p/${id}`
);

function at(address: string): string[] {
  return strangers.map((id) => `${address}/p2p/${id}`);
}

function peerIdOf(address: string): string {
  return address.split("/p2p/")[1] ?? "";
}

function transportOf(address: string): string {
  return address.split("/p2p/")[0] ?? "";
}

/** Kademlia's `Message` with a field of our choice. */
function message(field: number, bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(
    ...[8, 1, field * 8 + 2, bytes.length % 128 + 128, bytes.length >> 7],
    ...bytes,
  );
}

function record(
  { image }: HostileScene,
  { arch = image.arch, ...fields }: Partial<BootRecord> & {
    readonly arch?: string;
  } = {},
  by: Identity = attacker,
): Promise<Uint8Array> {
  return signedRecord({ ...image, arch }, by, {
    url: "http://127.0.0.1:1/",
    version: "9999",
    ...fields,
  });
}

function withValue(scene: HostileScene, value: Uint8Array): Uint8Array {
  return encodeAnswer({ key: bootRecordKey(scene.image), value });
}

/** Sends at a pace until the client has had enough. */
async function drip(stream: Stream, bytes: Uint8Array, everyMs: number) {
  while (stream.status === "open") {
    stream.send(bytes);
    await sleep(clock, everyMs, { signal: unlimited });
  }
}

function random(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 65_536) {
    crypto.getRandomValues(bytes.subarray(i, Math.min(i + 65_536, length)));
  }
  return bytes;
}

/** One of each kind. */
export const HOSTILE_ANSWERS: Readonly<Record<string, HostileAnswer>> = {
  "says nothing": () => undefined,
  "resets the stream": (_scene, stream) => {
    stream.abort(new Error("hostile"));
    return undefined;
  },
  "closes the stream": async (_scene, stream) => {
    await stream.close();
    return undefined;
  },
  "sends nothing in a message": () => new Uint8Array(),
  "sends garbage": () => random(1000),
  "sends 900 kB of garbage": () => random(900_000),
  "sends 3 MB of garbage": () => random(3_000_000),
  "announces 4 GiB": (_scene, stream) => {
    stream.send(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10));
    return undefined;
  },
  "announces a length without end": async (_scene, stream) => {
    await drip(stream, new Uint8Array(64).fill(0xff), 50);
    return undefined;
  },
  "sends a byte now and then": async (_scene, stream) => {
    stream.send(Uint8Array.of(0x80, 0x40));
    await drip(stream, Uint8Array.of(0), 100);
    return undefined;
  },
  "sends without end": async (_scene, stream) => {
    await drip(stream, new Uint8Array(32_768), 5);
    return undefined;
  },
  "sends half of an answer": (_scene, stream) => {
    stream.send(Uint8Array.of(100, ...new Uint8Array(50)));
    return undefined;
  },
  "is slow": async (scene) => {
    await sleep(clock, 2500, { signal: unlimited });
    return encodeAnswer({ closer: [scene.self()] });
  },
  "answers another call": () => Uint8Array.of(8, 2),
  "sends a hundred thousand fields": () =>
    new Uint8Array(200_000).map((_, i) => i % 2 === 0 ? 8 : 1),
  "sends fields of wrong types": () =>
    Uint8Array.of(8, 1, 24, 7, 64, 7, 72, 7, 29, 1, 2, 3, 4),
  "sends a field that is longer than the message": () =>
    Uint8Array.of(26, 0xff, 0x7f, 1),
  "sends a record without a value": () => message(3, Uint8Array.of(10, 1, 65)),
  "sends a malformed record": () => message(3, random(200)),
  "sends a value that is none": (scene) => withValue(scene, random(300)),
  "sends a huge value": (scene) => withValue(scene, new Uint8Array(900_000)),
  "sends JSON that nests": (scene) =>
    withValue(scene, new TextEncoder().encode("[".repeat(4000))),
  "sends an expired record": async (scene) =>
    withValue(scene, await record(scene, { lastUpdatedMs: 0 })),
  "sends a record of the future": async (scene) => {
    const lastUpdatedMs = clock.now() + 400_000;
    return withValue(scene, await record(scene, { lastUpdatedMs }));
  },
  "sends a record that holds for ever": async (scene) =>
    withValue(scene, await record(scene, { ttlSeconds: 1e9 })),
  "sends another image's record": async (scene) =>
    withValue(scene, await record(scene, { arch: "x86_64" })),
  "sends a record in another's name": async (scene) => {
    const peerId = peerIdOf(scene.honest);
    return withValue(scene, await record(scene, { peerId }));
  },
  "sends a record that leads to a file": async (scene) =>
    withValue(scene, await record(scene, { url: "file:///etc/passwd" })),
  "sends another provider each time": async (scene) =>
    withValue(scene, await record(scene, {}, await createIdentity())),
  "names itself as nearer": ({ self }) => encodeAnswer({ closer: [self()] }),
  "names itself as the provider": ({ self }) =>
    encodeAnswer({ providers: [self()] }),
  "names nodes that are not there": () => encodeAnswer({ closer: refused }),
  "names nodes that are silent": ({ silent }) =>
    encodeAnswer({ closer: at(silent) }),
  "names nodes at its own address": ({ self }) =>
    encodeAnswer({ closer: at(transportOf(self())) }),
  "names nodes in a network that answers nobody": () =>
    encodeAnswer({ closer: at("/ip4/127.255.255.255/tcp/9") }),
  "names the honest node at a wrong address": ({ honest, silent }) =>
    encodeAnswer({ closer: [`${silent}/p2p/${peerIdOf(honest)}`] }),
  "names other nodes at the honest one's address": ({ honest }) =>
    encodeAnswer({ closer: at(transportOf(honest)) }),
  "names providers that are not there": () =>
    encodeAnswer({ providers: refused }),
  "names providers that are silent": ({ silent }) =>
    encodeAnswer({ providers: at(silent) }),
  "names the honest provider at a wrong address": ({ honest, silent }) =>
    encodeAnswer({ providers: [`${silent}/p2p/${peerIdOf(honest)}`] }),
  "names the honest node as provider and nearer, a hundred times": (
    { honest },
  ) => {
    const hundred = Array.from({ length: 100 }, () => honest);
    return encodeAnswer({ closer: hundred, providers: hundred });
  },
  "names peers whose id is garbage": () => message(8, random(90)),
  "names a peer without addresses": () => message(8, Uint8Array.of(10, 1, 0)),
  "names a peer with thousands of addresses": ({ silent }) => {
    const [, , host = "", , port = ""] = silent.split("/");
    const address = [
      ...[4, ...host.split(".").map(Number)],
      ...[6, Number(port) >> 8, Number(port) & 255],
    ];
    const peer = Array.from({ length: 900 }, () => [18, 8, ...address]).flat();
    return message(8, Uint8Array.from([10, 2, 0, 0, ...peer]));
  },
};
