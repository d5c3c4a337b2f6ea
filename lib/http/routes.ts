import { TrieRouter } from "hono/router/trie-router";
import { tryDecodeURIComponent } from "hono/utils/url";
import { printable } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { bootChoice, rowFor } from "../machines/machine_rows.ts";
import type { Machines } from "../machines/machines.ts";
import { bytesAnswer, jsonAnswer } from "../net/http1/answers.ts";
import type { BytesAnswer } from "../net/http1/handler.ts";
import { askedHeaders } from "../net/http1/request_head.ts";
import {
  answerArtifact,
  type ArtifactSender,
  type CacheControl,
} from "./artifacts/answer_artifact.ts";
import { answerManifest } from "./artifacts/answer_manifest.ts";
import { answerPieceList } from "./artifacts/answer_piece_list.ts";
import type { ImageCatalog, ServedImage } from "./artifacts/image_catalog.ts";
import { imageListing } from "./artifacts/image_listing.ts";
import {
  findArtifact,
  findBlob,
  findEfiKernel,
  findImage,
  findOnlyImage,
  findPieceList,
  type NamedArtifact,
} from "./artifacts/image_lookup.ts";
import type { LoaderFiles } from "./artifacts/loader_files.ts";
import {
  findTrustDocument,
  type TrustDocuments,
} from "./artifacts/trust_document.ts";
import { grubConfig, grubMenu } from "./boot/grub.ts";
import { autoexecScript, ipxeMenu, ipxeScript } from "./boot/ipxe.ts";
import { machineQuery } from "./boot/machine_query.ts";
import { isAutoexec, noteMenu, noteScript } from "./boot/machine_notes.ts";
import { scriptAnswer } from "./boot/script_answer.ts";
import type { MenuOptions, ScriptClient } from "./boot/script_text.ts";
import { requestPath } from "./request_path.ts";
import type { Resource } from "./resource_cache.ts";
import type { Snapshot } from "./status/snapshot.ts";
import {
  metricsAnswer,
  pageAnswer,
  peersAnswer,
  readyAnswer,
} from "./status/status_answers.ts";
import { statusJson } from "./status/status_json.ts";

/** What routes lead to things with. */
export interface RouteParts {
  /** What is served. */
  readonly catalog: ImageCatalog;
  /** The succession of trusted keys. */
  readonly trustDocuments: () => TrustDocuments;
  /** The base URL that clients are given, if the operator set one. */
  readonly advertiseUrl: string | undefined;
  readonly sender: ArtifactSender;
  /** What firmware loads first. */
  readonly loaders: LoaderFiles;
  /** The settings and the steps of machines. */
  readonly machines: Machines;
  /** The provider as it stands. */
  readonly snapshot: () => Snapshot;
}

/** @returns what a path leads to, or what a client should know instead: 404 */
type Route = (
  parts: RouteParts,
  params: Params,
  target: string,
) => Result<Resource>;

/** The named parts of a path. */
type Params = Readonly<Record<string, string>>;

/** Every path there is; of those that fit, the first counts. */
const ROUTES: readonly (readonly [path: string, route: Route])[] = [
  ["/", entrance],
  ["/health", () => ok({ answer: () => jsonAnswer({ status: "ok" }) })],
  ["/ready", status(readyAnswer)],
  ["/status", status((snapshot) => jsonAnswer(statusJson(snapshot)))],
  ["/metrics", status(metricsAnswer)],
  ["/peers", status(peersAnswer)],
  ["/boot.ipxe", menu(ipxeMenu)],
  ["/grub.cfg", menu(grubMenu)],
  ["/manifest.json", manifestOfOnlyImage],
  ["/blobs/sha256/:hex", blob],
  ["/trust/:file", trustDocument],
  ["/boot/:file{.+}", loader],
  ["/:channel/:arch/:file{.+}", imageFile],
];

/** Files of an image that are made here, by name in lower case. */
const MADE_FILES: ReadonlyMap<
  string,
  (
    served: ServedImage,
    parts: RouteParts,
    target: string,
  ) => Resource["answer"]
> = new Map([
  ["manifest.json", answerManifest],
  ["boot.ipxe", script(ipxeScript)],
  ["grub.cfg", script(grubConfig)],
]);

/** What the provider says of itself. */
function status(answerWith: (snapshot: Snapshot) => BytesAnswer): Route {
  return ({ snapshot }) => ok({ answer: () => answerWith(snapshot()) });
}

/** A script that leads to the scripts of all images, or of a machine's own. */
function menu(
  make: (images: readonly ServedImage[], options: MenuOptions) => string,
): Route {
  return ({ catalog, machines }, _, target) => {
    const { isTold, ...told } = machineQuery(target);
    return ok({
      answer: (head, exchange) => {
        const row = rowFor(machines.rows(), told);
        const choice = bootChoice(row, machines.unknown());
        const asks = isTold ? "nothing" : whatMatters(machines);
        noteMenu(machines, { id: told, choice, head, exchange });
        return scriptAnswer(ok(make(catalog.images(), { choice, told, asks })));
      },
    });
  };
}

/** What makes a difference of that which a loader can tell. */
function whatMatters({ rows, unknown }: Machines): MenuOptions["asks"] {
  const all = rows();
  if (all.some(({ mac }) => mac === undefined)) return "all";
  return all.length > 0 || unknown() !== "menu" ? "mac" : "nothing";
}

/** The script of an image, for a machine and by where it has reached us. */
function script(
  make: (served: ServedImage, client: ScriptClient) => Result<string>,
) {
  return (
    served: ServedImage,
    { advertiseUrl, catalog, machines }: RouteParts,
    target: string,
  ): Resource["answer"] => {
    const { isTold: _, ...id } = machineQuery(target);
    return (head, exchange) => {
      const words = rowFor(machines.rows(), id)?.cmdline;
      noteScript(machines, { id, served, catalog, head, exchange });
      return scriptAnswer(make(served, {
        providerUrl: advertiseUrl ?? exchange.serverUrl,
        ...words !== undefined && { words },
      }));
    };
  };
}

/**
 * Makes what finds the way for a request target.
 *
 * @returns what it leads to, or what a client should know instead
 */
export function createRouter(
  parts: RouteParts,
): (target: string) => Result<Resource> {
  const router = new TrieRouter<Route>();
  for (const [path, route] of ROUTES) router.add("GET", path, route);
  return (target) => {
    const path = requestPath(target);
    const [found] = router.match("GET", path)[0];
    if (found === undefined) {
      return refuse(
        `Nothing at ${printable(path, 80)}: / lists what is served`,
      );
    }
    const [route, params] = found;
    return route(parts, decoded(params), target);
  };
}

/** What cannot be decoded stays as it is: no served name equals it. */
function decoded(params: Readonly<Record<string, unknown>>): Params {
  return Object.fromEntries(
    Object.entries(params)
      .map(([name, value]) => [name, tryDecodeURIComponent(String(value))]),
  );
}

/** `/`: a page for browsers, a list for programs. */
function entrance({ catalog, snapshot }: RouteParts): Result<Resource> {
  return ok({
    answer: (head) =>
      askedHeaders(head).get("accept")?.includes("text/html")
        ? pageAnswer(snapshot())
        : jsonAnswer(imageListing(catalog), { headers: { "Vary": "accept" } }),
  });
}

function manifestOfOnlyImage({ catalog }: RouteParts): Result<Resource> {
  const only = findOnlyImage(catalog);
  return only.ok ? ok({ answer: answerManifest(only.value) }) : only;
}

function blob(parts: RouteParts, { hex = "" }: Params): Result<Resource> {
  const { catalog, sender } = parts;
  const pieces = findPieceList(catalog, hex);
  return pieces === undefined
    ? artifact(
      parts,
      findBlob(catalog, hex),
      "public, max-age=31536000, immutable",
    )
    : ok({
      answer: answerPieceList(pieces, sender.clock),
      isPassing: isPassing(catalog, pieces),
    });
}

/** What was served in place of something else lately is so for a while. */
function isPassing(catalog: ImageCatalog, { served }: NamedArtifact): boolean {
  return catalog.find(served.image) !== served;
}

function trustDocument(
  { trustDocuments }: RouteParts,
  { file = "" }: Params,
): Result<Resource> {
  const document = findTrustDocument(trustDocuments(), file);
  if (!document.ok) return document;
  const headers = { "Content-Type": "application/json" };
  const answer = bytesAnswer(document.value, { headers });
  return ok({ answer: () => answer });
}

function loader(
  { loaders, advertiseUrl }: RouteParts,
  { file = "" }: Params,
): Result<Resource> {
  if (isAutoexec(file)) {
    return ok({
      answer: (_, { serverUrl }) =>
        scriptAnswer(ok(autoexecScript(advertiseUrl ?? serverUrl))),
    });
  }
  return ok({
    answer: (head, exchange) => loaders.answer(file, head, exchange),
  });
}

function imageFile(
  parts: RouteParts,
  { channel = "", arch = "", file = "" }: Params,
  target: string,
): Result<Resource> {
  const image = findImage(parts.catalog, { channel, arch });
  if (!image.ok) return image;
  const served = image.value;
  const name = file.toLowerCase();
  const answer = MADE_FILES.get(name)?.(served, parts, target);
  if (answer !== undefined) return ok({ answer });
  const found = name === "kernel.efi"
    ? findEfiKernel(served)
    : findArtifact(served, file);
  return artifact(parts, found, "no-cache");
}

function artifact(
  { catalog, sender }: RouteParts,
  found: Result<NamedArtifact>,
  cacheControl: CacheControl,
): Result<Resource> {
  if (!found.ok) return found;
  return ok({
    answer: (head, exchange) =>
      answerArtifact(found.value, head, { cacheControl, exchange, sender }),
    isPassing: isPassing(catalog, found.value),
  });
}
