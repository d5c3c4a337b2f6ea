import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import { encodeRecord, KadCall } from "../../lib/net/dht/message.ts";

/** A length-delimited protocol buffer field. */
function field(number: number, bytes: Uint8Array | number[]): number[] {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 127; rest = Math.floor(rest / 128)) {
    length.push(rest % 128 + 128);
  }
  return [number * 8 + 2, ...length, rest, ...bytes];
}

/** An answer to GET_VALUE or GET_PROVIDERS, as a node may make it up. */
export function encodeAnswer(
  { key = "", value, closer = [], providers = [] }: {
    key?: string;
    value?: Uint8Array;
    /** Multiaddrs with peer id. */
    closer?: readonly string[];
    providers?: readonly string[];
  },
): Uint8Array {
  const record = value && encodeRecord({
    key: new TextEncoder().encode(key),
    value,
    ttlSeconds: 3600,
    receivedAtMs: 0,
  });
  return Uint8Array.from([
    ...[8, KadCall.getValue],
    ...(record ? field(3, record) : []),
    ...closer.flatMap((address) => field(8, encodePeer(address))),
    ...providers.flatMap((address) => field(9, encodePeer(address))),
  ]);
}

function encodePeer(address: string): number[] {
  const [transport = "", peerId = ""] = address.split("/p2p/");
  return [
    ...field(1, peerIdFromString(peerId).toMultihash().bytes),
    ...field(2, multiaddr(transport).bytes),
  ];
}
