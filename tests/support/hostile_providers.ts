import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import type { JsonObject } from "../../lib/manifest/canonical_json.ts";
import { encodeEnvelope, openEnvelope } from "../../lib/manifest/envelope.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import { sealEnvelope } from "../../lib/manifest/sign_envelope.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { hashedImage } from "./hashed_image.ts";
import {
  type LanServer,
  openLanServer,
  openRawLanServer,
} from "./lan_server.ts";

/** Whom the providers of a test deceive about what. */
export interface Scene {
  /** What the client looks for. */
  readonly image: ChannelArch;
  /** Signs what the client trusts. */
  readonly owner: SigningKey;
  /** Is not trusted. */
  readonly stranger: SigningKey;
  /** Of the newest manifest. */
  readonly manifestVersion: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A manifest that a client of the scene accepts. */
export async function goodManifest(
  scene: Scene,
): Promise<Uint8Array<ArrayBuffer>> {
  return await sealEnvelope(await goodContent(scene), [scene.owner]);
}

/**
 * One provider for each of twelve ways to deceive or to wear out a client,
 * each good but for this one thing.
 *
 * @returns by the reason that a client should give
 */
export async function openHostileProviders(
  scene: Scene,
): Promise<AsyncDisposable & { readonly byReason: Map<string, LanServer> }> {
  const stack = new AsyncDisposableStack();
  const good = await goodManifest(scene);
  const lies = Object.entries(await signedLies(scene));
  const answers = new Map<string, (request: Request) => Response>([
    ...lies.map(([reason, bytes]) =>
      [reason, () => new Response(bytes)] as const
    ),
    ["too_large", () => new Response(gibibyte())],
    ["slow", () => new Response(drip(good))],
    ["redirect", (request) => redirectElsewhere(request, good)],
  ]);
  const open = async (reason: string, server: Promise<LanServer>) =>
    [reason, await server] as const;
  const byReason = new Map(
    await Promise.all([
      ...[...answers].map(([reason, handler]) =>
        open(
          reason,
          openLanServer({ ...scene, name: hostName(reason), handler }),
        )
      ),
      open(
        "truncated",
        openRawLanServer({
          ...scene,
          name: "truncated",
          answer: brokenOff(good),
        }),
      ),
    ]),
  );
  for (const server of byReason.values()) stack.use(server);
  return {
    byReason,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Whole manifests that are wrong in one way each. */
async function signedLies(
  scene: Scene,
): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const { image, owner, stranger, manifestVersion, now } = scene;
  const content = await goodContent(scene);
  const seal = (members: JsonObject, signers = [owner]) =>
    sealEnvelope({ ...content, ...members }, signers);
  const good = await goodManifest(scene);
  const opened = openEnvelope(good);
  if (!opened.ok) throw new Error(opened.reason.message);
  const [signature] = opened.value.signatures;
  if (signature === undefined) throw new Error("nobody signed");
  return {
    unsigned: await seal({}, []),
    unknown_key: await seal({}, [stranger]),
    outer_differs: new TextEncoder().encode(
      new TextDecoder().decode(good)
        .replace(/sha256:[0-9a-f]{64}/, `sha256:${"0".repeat(64)}`),
    ),
    wrong_channel: await seal({ channel: `${image.channel}-x` }),
    wrong_arch: await seal({ arch: "x86_64" }),
    expired: await seal({
      created_at: time(now - 60 * DAY_MS),
      expires_at: time(now - DAY_MS),
    }),
    rollback: await seal({ manifest_version: manifestVersion - 1 }),
    duplicate_keyid: encodeEnvelope(content, [signature, signature]),
  };
}

const DAY_MS = 86_400_000;

function time(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

async function goodContent(
  { image, manifestVersion, now }: Scene,
): Promise<JsonObject> {
  const { bytes } = await issueManifest({
    image: hashedImage({ image }),
    signers: [],
    now,
    expiresDays: 30,
  });
  const envelope = openEnvelope(bytes);
  if (!envelope.ok) throw new Error(envelope.reason.message);
  return { ...envelope.value.content, manifest_version: manifestVersion };
}

/** 1 GiB, made as it is read. */
function gibibyte(): ReadableStream<Uint8Array> {
  let left = 1 << 30;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(65_536).fill(0x20));
      left -= 65_536;
      if (left === 0) controller.close();
    },
  });
}

/** One byte of a good manifest in a second. */
function drip(good: Uint8Array): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval> | undefined;
  let sent = 0;
  return new ReadableStream({
    start(controller) {
      timer = setInterval(() => {
        controller.enqueue(good.subarray(sent, ++sent));
      }, 1000);
    },
    cancel() {
      clearInterval(timer);
    },
  });
}

/** To a host that the client was not told of, which has what it looks for. */
function redirectElsewhere(
  request: Request,
  good: Uint8Array<ArrayBuffer>,
): Response {
  const location = new URL(request.url);
  if (location.hostname === "localhost") return new Response(good);
  location.hostname = "localhost";
  return Response.redirect(location, 302);
}

/** Half of what is announced. */
function brokenOff(body: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(
    `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  const half = body.subarray(0, body.length >> 1);
  const answer = new Uint8Array(head.length + half.length);
  answer.set(head);
  answer.set(half, head.length);
  return answer;
}

/** Reasons are no host names: `_` becomes `-`. */
function hostName(reason: string): string {
  return reason.replaceAll("_", "-");
}
