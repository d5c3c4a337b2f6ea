import { decodeBase64 } from "../core/base64.ts";
import { type ChannelArch, parseChannelArch } from "../core/channel_arch.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import {
  canonicalizeUntrusted,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
} from "../manifest/canonical_json.ts";
import { CLOCK_SKEW_MS, parseTimestamp } from "../manifest/timestamp.ts";
import { verifyPeerSignature } from "../net/dht/identity.ts";

/**
 * What a provider says about one image in the DHT. A valid record proves who
 * said it, not that the image is to be trusted: that is the manifest's
 * signature alone.
 */
export interface BootRecord {
  /** http or https: the manifest. */
  readonly url: string;
  /** The provider's libp2p peer id. */
  readonly peerId: string;
  /** For people to read; untrusted. */
  readonly providerName?: string;
  /** When it was published, milliseconds since 1970. */
  readonly lastUpdatedMs: number;
  /** The manifest's `version`. */
  readonly version: string;
  /** How long it holds. */
  readonly ttlSeconds: number;
}

/** Longer values are refused unread. */
export const MAX_RECORD_BYTES = 4096;
/** Longer lives are refused: a stopped provider must be forgotten. */
export const MAX_TTL_SECONDS = 24 * 3600;
/** Bound into the signature, so that it holds for nothing else. */
const SIGNATURE_CONTEXT = "phase-boot-record:1\n";
const ED25519_SIGNATURE_BYTES = 64;

/** The key of an image's record in the DHT. */
export function bootRecordKey(image: ChannelArch): string {
  return `/phase/${image.channel}/${image.arch}/manifest`;
}

/** Under it a node lists the keys that it has. */
export const ALL_BOOT_RECORDS = "/phase/";

/** The images of a list of keys, one a line; what is none is left out. */
export function readBootRecordKeys(list: Uint8Array): ChannelArch[] {
  return new TextDecoder().decode(list).split("\n").flatMap((key) => {
    const image = parseBootRecordKey(key);
    return image.ok ? [image.value] : [];
  });
}

/** The image a key stands for; aliases such as `aarch64` are not canonical. */
export function parseBootRecordKey(key: string): Result<ChannelArch> {
  const [, , channel = "", arch = ""] = key.split("/");
  const image = parseChannelArch(channel, arch);
  return image.ok && bootRecordKey(image.value) === key
    ? image
    : refuse("not a boot record key");
}

/**
 * Writes a record as its signed JSON.
 *
 * @param sign Ed25519 by the key of `record.peerId`
 */
export async function signBootRecord(
  image: ChannelArch,
  record: BootRecord,
  sign: (bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const fields: JsonObject = {
    url: record.url,
    peer_id: record.peerId,
    provider_name: record.providerName,
    last_updated: new Date(record.lastUpdatedMs).toISOString(),
    version: record.version,
    ttl: record.ttlSeconds,
  };
  const signed = signedBytes(bootRecordKey(image), fields);
  // What this program makes itself always has a canonical form.
  if (!signed.ok) throw new Error(`Cannot sign a record: ${signed.reason}`);
  const sig = (await sign(signed.value)).toBase64();
  return new TextEncoder().encode(JSON.stringify({ ...fields, sig }));
}

const FROM_THE_FUTURE = "record is from the future";
const EXPIRED = "record has expired";

/** Why a record is refused that would be taken by another clock. */
export const REFUSED_BY_DATE: ReadonlySet<string> = new Set([
  FROM_THE_FUTURE,
  EXPIRED,
]);

/**
 * Reads a record that came from the network: form, signature and dates.
 *
 * @param key where it was found
 * @param now wall clock in milliseconds, or undefined when it cannot be
 * trusted: then nothing is refused as expired or of the future
 */
export async function parseBootRecord(
  key: string,
  value: Uint8Array,
  { now }: { readonly now: number | undefined },
): Promise<Result<BootRecord>> {
  const image = parseBootRecordKey(key);
  if (!image.ok) return image;
  const parts = readParts(value);
  if (!parts.ok) return parts;
  const { record, fields, sig } = parts.value;
  if (now !== undefined && record.lastUpdatedMs > now + CLOCK_SKEW_MS) {
    return refuse(FROM_THE_FUTURE);
  }
  if (now !== undefined && expiryMs(record) <= now) {
    return refuse(EXPIRED);
  }
  const signature = typeof sig === "string" ? decodeBase64(sig) : undefined;
  if (signature?.length !== ED25519_SIGNATURE_BYTES) {
    return refuse("sig is not an Ed25519 signature");
  }
  const signed = signedBytes(key, fields);
  if (!signed.ok) return signed;
  const valid = await verifyPeerSignature(
    record.peerId,
    signed.value,
    signature,
  );
  return valid.ok ? ok(record) : valid;
}

/** How long records hold. */
export interface RecordLife {
  /** From their date on. */
  readonly ttlSeconds: number;
  /** How often one is refreshed. */
  readonly refreshSeconds: number;
}

/**
 * Why others refuse records that are dated by a clock which differs from
 * theirs.
 *
 * @param leadMs how far it is ahead; negative: behind
 */
export function clockProblem(
  leadMs: number,
  life: RecordLife,
): string | undefined {
  const reason = refusedAs(leadMs, life);
  return reason &&
    `${
      clockFault(leadMs)
    }: set it, since clients refuse its records as ${reason}`;
}

/**
 * Why a node refuses records of others by a clock which differs from theirs.
 *
 * @param leadMs how far it is ahead; negative: behind
 */
export function keepingClockProblem(
  leadMs: number,
  life: RecordLife,
): string | undefined {
  const reason = refusedAs(-leadMs, life);
  return reason &&
    `Records of other DHT nodes are refused here as ${reason}: ${
      clockFault(leadMs)
    }, set it`;
}

/** @param leadMs of the clock that dates before the one that judges */
function refusedAs(
  leadMs: number,
  { ttlSeconds, refreshSeconds }: RecordLife,
): string | undefined {
  if (leadMs > CLOCK_SKEW_MS) return "of the future";
  const isBehind = -leadMs > (ttlSeconds - refreshSeconds) * 1000;
  return isBehind ? "expired" : undefined;
}

function clockFault(leadMs: number): string {
  const minutes = Math.round(Math.abs(leadMs) / 60_000);
  return `the clock of this machine is ${minutes} minutes ${
    leadMs > 0 ? "ahead of" : "behind"
  } those of other DHT nodes`;
}

/**
 * Reads a record whose signature was checked before, or does not matter.
 */
export function readBootRecord(value: Uint8Array): Result<BootRecord> {
  const parts = readParts(value);
  return parts.ok ? ok(parts.value.record) : parts;
}

/** When a record ends, milliseconds since 1970. */
export function expiryMs(record: BootRecord): number {
  return record.lastUpdatedMs + record.ttlSeconds * 1000;
}

/** The record, and what is needed to check its signature. */
interface RecordParts {
  readonly record: BootRecord;
  /** Everything but the signature. */
  readonly fields: JsonObject;
  readonly sig: JsonValue | undefined;
}

function readParts(value: Uint8Array): Result<RecordParts> {
  if (value.length > MAX_RECORD_BYTES) return refuse("record is too long");
  const json = parseJson(value);
  if (!json.ok || !isJsonObject(json.value)) {
    return refuse("record is not a JSON object");
  }
  const { sig, ...fields } = json.value;
  const record = readFields(fields);
  return record.ok ? ok({ record: record.value, fields, sig }) : record;
}

function readFields(fields: JsonObject): Result<BootRecord> {
  const { url, peer_id, provider_name, last_updated, version, ttl } = fields;
  if (typeof url !== "string" || !isHttpUrl(url)) {
    return refuse("url is not http or https");
  }
  if (typeof peer_id !== "string") return refuse("peer_id is not text");
  if (provider_name !== undefined && typeof provider_name !== "string") {
    return refuse("provider_name is not text");
  }
  const lastUpdatedMs = typeof last_updated === "string"
    ? parseTimestamp(last_updated)
    : undefined;
  if (lastUpdatedMs === undefined) return refuse("last_updated is not a date");
  if (typeof version !== "string" || version === "") {
    return refuse("version is not text");
  }
  if (
    typeof ttl !== "number" || !Number.isInteger(ttl) || ttl < 1 ||
    ttl > MAX_TTL_SECONDS
  ) return refuse(`ttl is not 1 to ${MAX_TTL_SECONDS} seconds`);
  return ok({
    url,
    peerId: peer_id,
    ...provider_name !== undefined && { providerName: provider_name },
    lastUpdatedMs,
    version,
    ttlSeconds: ttl,
  });
}

/** Every field is signed, also those of later versions of this program. */
function signedBytes(key: string, fields: JsonObject): Result<Uint8Array> {
  const json = canonicalizeUntrusted({ ...fields, key });
  if (!json.ok) return json;
  return ok(new TextEncoder().encode(SIGNATURE_CONTEXT + json.value));
}

function isHttpUrl(text: string): boolean {
  const protocol = URL.parse(text)?.protocol;
  return protocol === "http:" || protocol === "https:";
}
