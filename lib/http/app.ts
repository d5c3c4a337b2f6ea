import { Hono } from "hono";
import { formatChannelArch, manifestPath } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import type { FileSystem } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { messageOf, printable } from "../core/printable.ts";
import type { Result } from "../core/result.ts";
import type { Exchange, HttpApp, LentAnswer } from "../net/http1/http_app.ts";
import {
  bytesResponse,
  errorResponse,
  jsonResponse,
} from "../net/http1/json_response.ts";
import { evaluatePreconditions } from "../net/http1/preconditions.ts";
import { askedHeaders } from "../net/http1/request_head.ts";
import { streamOf } from "./artifacts/artifact_body.ts";
import { ArtifactFiles } from "./artifacts/artifact_files.ts";
import {
  answerArtifact,
  type CacheControl,
} from "./artifacts/artifact_response.ts";
import type { ImageCatalog, ServedImage } from "./artifacts/image_catalog.ts";
import {
  findArtifact,
  findBlob,
  findImage,
  findOnlyImage,
  type NamedArtifact,
} from "./artifacts/image_lookup.ts";
import {
  DEFAULT_TRANSFER_LIMITS,
  type TransferLimits,
  Transfers,
} from "./artifacts/transfers.ts";
import { grubConfig, ipxeMenu, ipxeScript } from "./boot/boot_script.ts";
import { RememberedAnswers } from "./remembered_answers.ts";
import { RememberedPaths } from "./remembered_paths.ts";
import { requestPath } from "./request_path.ts";
import { METRICS_CONTENT_TYPE, metricsText } from "./status/metrics.ts";
import type { ProviderStatus } from "./status/provider_status.ts";
import { RequestCounts } from "./status/request_counts.ts";
import { readiness, type Snapshot } from "./status/snapshot.ts";
import { statusJson } from "./status/status_json.ts";
import { PAGE_SECURITY_POLICY, statusPage } from "./status/status_page.ts";

/** What the HTTP side of a provider works with. */
export interface HttpAppParts {
  /** What is served. */
  readonly catalog: ImageCatalog;
  /**
   * The succession of trusted keys, by number, sent as it is.
   * @default none
   */
  readonly trustDocuments?: () => ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
  /** Where the artifacts are read. */
  readonly fileSystem: FileSystem;
  /**
   * How long a file stays open after it was read, for a client that asks for
   * one range after the other.
   * @default 0
   */
  readonly keepOpenMs?: number;
  /** For rates. */
  readonly clock: Clock;
  /** Where trouble is told. */
  readonly logger: Logger;
  /** What operators are told beside what is counted here. */
  readonly status: () => ProviderStatus;
  /** What differs from DEFAULT_TRANSFER_LIMITS. */
  readonly limits?: Partial<TransferLimits>;
}

const NO_CONDITIONS = new Headers();

/** Everything a provider answers over HTTP, without a socket. */
export function createHttpApp(
  {
    catalog,
    trustDocuments,
    fileSystem,
    keepOpenMs = 0,
    clock,
    logger,
    status,
    limits,
  }: HttpAppParts,
): HttpApp {
  const transfers = new Transfers({
    clock,
    limits: { ...DEFAULT_TRANSFER_LIMITS, ...limits },
  });
  const files = new ArtifactFiles({ fileSystem, clock, keepOpenMs });
  const sender = { files, transfers, logger };
  const requests = new RequestCounts();
  const remembered = new RememberedAnswers();
  const paths = new RememberedPaths<{
    readonly found: NamedArtifact;
    readonly cacheControl: CacheControl;
  }>();
  const snapshot = (): Snapshot => ({
    nowMs: clock.now(),
    provider: status(),
    images: catalog.images(),
    requests: requests.list(),
    downloads: transfers.counts(),
    recentDownloads: transfers.recent(),
  });
  const app = new Hono<{ Bindings: Exchange }>({
    getPath: (request, options) =>
      requestPath(options?.env?.requestLine?.target ?? request.url),
  });

  app.use(async ({ req, env }, next) => {
    const { method } = env.requestLine ?? req;
    return method === "GET" || method === "HEAD" ? await next() : errorResponse(
      405,
      `Cannot ${printable(method, 20)}: everything here is for GET and HEAD`,
      { allow: "GET, HEAD" },
    );
  });

  app.get(
    "/",
    (c) =>
      c.req.header("accept")?.includes("text/html")
        ? pageResponse(snapshot())
        : jsonResponse(listing(catalog), { headers: { vary: "accept" } }),
  );
  app.get("/health", () => jsonResponse({ status: "ok" }));
  app.get("/ready", () => readyResponse(snapshot()));
  app.get("/status", () => jsonResponse(statusJson(snapshot())));
  app.get("/metrics", () =>
    textResponse(metricsText(snapshot()), {
      "content-type": METRICS_CONTENT_TYPE,
    }));
  app.get("/boot.ipxe", () => scriptResponse(ipxeMenu(catalog.images())));
  app.get("/manifest.json", (c) => {
    const only = findOnlyImage(catalog);
    return only.ok
      ? manifestResponse(only.value, c.req.raw.headers)
      : errorResponse(404, only.reason);
  });
  app.get(
    "/blobs/sha256/:hex",
    (c) =>
      send(findBlob(catalog, c.req.param("hex")), c.req.raw, {
        cacheControl: "public, max-age=31536000, immutable",
        exchange: c.env,
      }),
  );
  app.get(
    "/trust/:file",
    (c) => trustResponse(trustDocuments?.() ?? new Map(), c.req.param("file")),
  );
  app.get("/:channel/:arch/:file", (c) => {
    const image = findImage(catalog, c.req.param());
    if (!image.ok) return errorResponse(404, image.reason);
    const file = c.req.param("file");
    switch (file.toLowerCase()) {
      case "manifest.json":
        rememberManifest(image.value, c.env.requestLine?.target);
        return manifestResponse(image.value, c.req.raw.headers);
      case "boot.ipxe":
        return bootResponse(ipxeScript(image.value));
      case "grub.cfg":
        return bootResponse(grubConfig(image.value));
      default:
        return send(findArtifact(image.value, file), c.req.raw, {
          cacheControl: "no-cache",
          exchange: c.env,
        });
    }
  });

  app.notFound((c) =>
    errorResponse(
      404,
      `Nothing at ${printable(c.req.path, 80)}: / lists what is served`,
    )
  );
  app.onError((error, c) => {
    logger.error(
      `Cannot answer ${printable(c.req.path, 80)}: ${messageOf(error)}`,
    );
    return errorResponse(500, "Something went wrong here: see the log");
  });

  function rememberManifest(served: ServedImage, target?: string): void {
    if (target === undefined) return;
    remembered.remember(target, {
      response: manifestResponse(served, NO_CONDITIONS),
      body: served.manifest.bytes,
      isCurrent: () => catalog.find(served.image) === served,
    });
  }

  async function send(
    found: Result<NamedArtifact>,
    request: Request,
    options: {
      readonly cacheControl: CacheControl;
      readonly exchange: Exchange;
    },
  ): Promise<Response> {
    if (!found.ok) return errorResponse(404, found.reason);
    const { exchange, cacheControl } = options;
    if (exchange.requestLine !== undefined) {
      const { target } = exchange.requestLine;
      paths.set(target, { found: found.value, cacheControl });
    }
    const answer = await answerArtifact(found.value, request, {
      ...options,
      sender,
    });
    if (answer instanceof Response) return answer;
    const { status, headers, body, lengthBytes } = answer;
    exchange.lend?.(body, lengthBytes);
    return new Response(exchange.lend === undefined ? streamOf(body) : null, {
      status,
      headers,
    });
  }

  async function counted(
    answering: Promise<Response | LentAnswer>,
    method: string,
  ): Promise<Response | LentAnswer> {
    const answer = await answering;
    requests.add(method, answer.status);
    return answer;
  }

  return {
    async fetch(request, exchange) {
      const response = await app.fetch(request, exchange);
      const { method } = exchange.requestLine ?? request;
      requests.add(method, response.status);
      return response;
    },
    fromMemory(head, date) {
      const bytes = remembered.find(head, date);
      if (bytes !== undefined) requests.add(head.method, 200);
      return bytes;
    },
    close: () => files.closeIdle(),
    again(head, exchange) {
      const { method, target } = head;
      const path = paths.get(target);
      if (path === undefined || (method !== "GET" && method !== "HEAD")) {
        return undefined;
      }
      const { found, cacheControl } = path;
      if (catalog.find(found.served.image) !== found.served) {
        paths.delete(target);
        return undefined;
      }
      return counted(
        answerArtifact(found, { method, headers: askedHeaders(head) }, {
          cacheControl,
          exchange,
          sender,
        }),
        method,
      );
    },
  };
}

/** What `/` says to programs. */
function listing(catalog: ImageCatalog): unknown {
  return {
    images: catalog.images().map(({ image, version }) => ({
      channel: image.channel,
      arch: image.arch,
      version,
      manifest: manifestPath(image),
    })),
  };
}

/** A trust document, `2.json`; what is not there ends the succession. */
function trustResponse(
  documents: ReadonlyMap<number, Uint8Array<ArrayBuffer>>,
  file: string,
): Response {
  const number = /^(\d{1,6})\.json$/.exec(file)?.[1];
  const document = documents.get(Number(number));
  if (document !== undefined) {
    return bytesResponse(document, {
      headers: { "content-type": "application/json" },
    });
  }
  const present = [...documents.keys()].map((n) => `/trust/${n}.json`);
  return errorResponse(
    404,
    `No such trust document: there is ${present.join(", ") || "none"}`,
  );
}

function manifestResponse(
  { manifest: { bytes, sha256 } }: ServedImage,
  asked: Headers,
): Response {
  const etag = `"${sha256}"`;
  const headers = { etag, "cache-control": "no-cache" };
  switch (evaluatePreconditions(asked, { etag })) {
    case "not modified":
      return new Response(null, { status: 304, headers });
    case "failed":
      return errorResponse(412, "The manifest is not what the request expects");
    case "proceed":
      return bytesResponse(bytes, {
        headers: { ...headers, "content-type": "application/json" },
      });
  }
}

function bootResponse(script: Result<string>): Response {
  return script.ok
    ? scriptResponse(script.value)
    : errorResponse(500, script.reason);
}

function scriptResponse(script: string): Response {
  return textResponse(script, {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-cache",
  });
}

function readyResponse(snapshot: Snapshot): Response {
  const state = readiness(snapshot);
  return state.ok
    ? jsonResponse({ ready: true, images: state.value.map(formatChannelArch) })
    : errorResponse(503, `Not ready: ${state.reason}`);
}

async function pageResponse(snapshot: Snapshot): Promise<Response> {
  return textResponse(await statusPage(snapshot), {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": PAGE_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    vary: "accept",
  });
}

function textResponse(
  text: string,
  headers: Readonly<Record<string, string>>,
): Response {
  return bytesResponse(new TextEncoder().encode(text), { headers });
}
