import { Hono } from "hono";
import { manifestPath } from "../core/channel_arch.ts";
import type { FileSystem } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { messageOf, printable } from "../core/printable.ts";
import { artifactResponse } from "./artifact_response.ts";
import type { ImageCatalog, ServedImage } from "./image_catalog.ts";
import {
  findArtifact,
  findBlob,
  findImage,
  findOnlyImage,
} from "./image_lookup.ts";
import { bytesResponse, errorResponse, jsonResponse } from "./json_response.ts";
import { requestPath } from "./request_path.ts";

/** What the HTTP side of a provider works with. */
export interface HttpAppParts {
  /** What is served. */
  readonly catalog: ImageCatalog;
  /** The succession of trusted keys, by number; sent as it is. */
  readonly trustDocuments?: () => ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
  /** Where the artifacts are read. */
  readonly fileSystem: FileSystem;
  /** Where trouble is told. */
  readonly logger: Logger;
}

/** Answers requests, whatever brings them. */
export interface HttpApp {
  /** Never rejects; a body that cannot be finished fails while it is read. */
  fetch(request: Request): Promise<Response>;
}

/** Everything a provider answers over HTTP, without a socket. */
export function createHttpApp(parts: HttpAppParts): HttpApp {
  const { catalog, fileSystem, logger } = parts;
  const app = new Hono({ getPath: (request) => requestPath(request.url) });

  app.use(async (c, next) => {
    const { method } = c.req;
    if (method === "GET" || method === "HEAD") return await next();
    return errorResponse(
      405,
      `Cannot ${printable(method, 20)}: everything here is for GET and HEAD`,
      { allow: "GET, HEAD" },
    );
  });

  app.get("/", () => jsonResponse(listing(catalog)));
  app.get("/health", () => jsonResponse({ status: "ok" }));
  app.get("/manifest.json", () => {
    const only = findOnlyImage(catalog);
    return only.ok
      ? manifestResponse(only.value)
      : errorResponse(404, only.reason);
  });
  app.get("/blobs/sha256/:hex", (c) => {
    const found = findBlob(catalog, c.req.param("hex"));
    return found.ok
      ? artifactResponse(found.value, {
        method: c.req.method,
        fileSystem,
        logger,
      })
      : errorResponse(404, found.reason);
  });
  app.get("/trust/:file", (c) => {
    const documents = parts.trustDocuments?.() ?? new Map();
    const number = /^(\d{1,6})\.json$/.exec(c.req.param("file"))?.[1];
    const document = documents.get(Number(number));
    return document === undefined
      ? errorResponse(
        404,
        `No such trust document: there are ${
          [...documents.keys()].map((n) => `/trust/${n}.json`).join(", ") ||
          "none"
        }`,
      )
      : bytesResponse(document, {
        headers: { "content-type": "application/json" },
      });
  });
  app.get("/:channel/:arch/:file", (c) => {
    const found = findImage(catalog, c.req.param());
    if (!found.ok) return errorResponse(404, found.reason);
    const file = c.req.param("file");
    if (file.toLowerCase() === "manifest.json") {
      return manifestResponse(found.value);
    }
    const artifact = findArtifact(found.value, file);
    return artifact.ok
      ? artifactResponse(artifact.value, {
        method: c.req.method,
        fileSystem,
        logger,
      })
      : errorResponse(404, artifact.reason);
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

  return { fetch: async (request) => await app.fetch(request) };
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

function manifestResponse({ manifest }: ServedImage): Response {
  return bytesResponse(manifest.bytes, {
    headers: { "content-type": "application/json" },
  });
}
