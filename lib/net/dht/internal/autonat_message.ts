import { concat } from "uint8arrays/concat";
import {
  allBytes,
  decodeFields,
  field,
  firstBytes,
  firstNumber,
  fixed64,
} from "./protobuf.ts";

/**
 * AutoNAT, version 2: a node asks another to dial it, which tells whether a
 * firewall or a router is in the way.
 * https://github.com/libp2p/specs/blob/master/autonat/autonat-v2.md
 */
export const DIAL_REQUEST_PROTOCOL = "/libp2p/autonat/2/dial-request";
/** What the other node speaks over the connection that it opens. */
export const DIAL_BACK_PROTOCOL = "/libp2p/autonat/2/dial-back";

/** Chosen by the asking node: eight bytes. */
export type Nonce = Uint8Array;

/** `DialResponse.ResponseStatus`: whether the other node has dialled. */
export const DialAnswer = {
  internalError: 0,
  rejected: 100,
  refused: 101,
  dialled: 200,
} as const;

/** `DialStatus`: what came of it. */
export const DialStatus = {
  unused: 0,
  dialError: 100,
  dialBackError: 101,
  ok: 200,
} as const;

/** What the other node answers. */
export interface DialResponse {
  /** A value of `DialAnswer`, or a number that this version does not know. */
  readonly answer: number;
  /** A value of `DialStatus`. */
  readonly status: number;
}

/** A request to be dialled. */
export interface DialRequest {
  /** Binary multiaddrs, the best first. */
  readonly addresses: readonly Uint8Array[];
  /** Sent back over the new connection. */
  readonly nonce: Nonce;
}

/** Field numbers of `Message`. */
const MESSAGE = { dialRequest: 1, dialResponse: 2 } as const;
const REQUEST = { addresses: 1, nonce: 2 } as const;
const RESPONSE = { answer: 1, addressIndex: 2, status: 3 } as const;
const DIAL_BACK = { nonce: 1 } as const;

/** Addresses read of one request. */
const MAX_ADDRESSES = 16;
const NONCE_BYTES = 8;

/** Bytes of a request, without the length prefix, like all below. */
export function encodeDialRequest(
  { addresses, nonce }: DialRequest,
): Uint8Array {
  const request = concat([
    ...addresses.flatMap((address) => field(REQUEST.addresses, address)),
    ...fixed64(REQUEST.nonce, nonce),
  ]);
  return concat(field(MESSAGE.dialRequest, request));
}

/** A request, untrusted; undefined: it is none. */
export function decodeDialRequest(bytes: Uint8Array): DialRequest | undefined {
  const message = decodeFields(bytes);
  const inner = message && firstBytes(message, MESSAGE.dialRequest);
  const request = inner && decodeFields(inner);
  const nonce = request && firstBytes(request, REQUEST.nonce);
  if (request === undefined || nonce?.length !== NONCE_BYTES) return undefined;
  const addresses = allBytes(request, REQUEST.addresses);
  return { addresses: addresses.slice(0, MAX_ADDRESSES), nonce };
}

/** @param addressIndex which of the addresses was dialled */
export function encodeDialResponse(
  { answer, status }: DialResponse,
  addressIndex: number,
): Uint8Array {
  const response = concat([
    ...field(RESPONSE.answer, answer),
    ...field(RESPONSE.addressIndex, addressIndex),
    ...field(RESPONSE.status, status),
  ]);
  return concat(field(MESSAGE.dialResponse, response));
}

/**
 * An answer, untrusted; undefined: it is none, such as one that wants data to
 * be sent first, which nodes do for addresses that are not the asking one's.
 */
export function decodeDialResponse(
  bytes: Uint8Array,
): DialResponse | undefined {
  const message = decodeFields(bytes);
  const inner = message && firstBytes(message, MESSAGE.dialResponse);
  const response = inner && decodeFields(inner);
  if (response === undefined) return undefined;
  return {
    answer: firstNumber(response, RESPONSE.answer) ?? DialAnswer.internalError,
    status: firstNumber(response, RESPONSE.status) ?? DialStatus.unused,
  };
}

/** The message sent over the new connection. */
export function encodeDialBack(nonce: Nonce): Uint8Array {
  return concat(fixed64(DIAL_BACK.nonce, nonce));
}

/** The nonce; undefined if the message is no such message. */
export function decodeDialBack(bytes: Uint8Array): Nonce | undefined {
  const message = decodeFields(bytes);
  const nonce = message && firstBytes(message, DIAL_BACK.nonce);
  return nonce?.length === NONCE_BYTES ? nonce : undefined;
}

/** `DialBackResponse`, whose one status, "OK", is the default. */
export const DIAL_BACK_RESPONSE: Uint8Array = concat(field(1, 0));
