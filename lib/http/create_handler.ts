import type { Clock } from "../core/clock.ts";
import type { FileSystem } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { messageOf, printable } from "../core/printable.ts";
import {
  createMachines,
  type Machines,
  NOTHING_SAID,
} from "../machines/machines.ts";
import { answerOrElse } from "../net/http1/answer_or_else.ts";
import { errorAnswer } from "../net/http1/answers.ts";
import type { Answer, Exchange, HttpHandler } from "../net/http1/handler.ts";
import type { RequestHead } from "../net/http1/request_head.ts";
import { ArtifactFiles } from "./artifacts/artifact_files.ts";
import { downloadLine } from "./artifacts/download_line.ts";
import type { ImageCatalog } from "./artifacts/image_catalog.ts";
import { LoaderFiles, type LoaderSettings } from "./artifacts/loader_files.ts";
import {
  DEFAULT_TRANSFER_LIMITS,
  type TransferLimits,
  Transfers,
  type TransferState,
} from "./artifacts/transfers.ts";
import type { TrustDocuments } from "./artifacts/trust_document.ts";
import { requestPath } from "./request_path.ts";
import { ResourceCache } from "./resource_cache.ts";
import { createRouter } from "./routes.ts";
import type { ProviderStatus } from "./status/provider_status.ts";
import { RequestCounts } from "./status/request_counts.ts";
import type { Snapshot } from "./status/snapshot.ts";

/** What the HTTP side of a provider works with. */
export interface HandlerParts {
  /** What is served. */
  readonly catalog: ImageCatalog;
  /**
   * The succession of trusted keys, sent unchanged.
   *
   * @default none
   */
  readonly trustDocuments?: () => TrustDocuments;
  /**
   * Where boot loaders are at the moment.
   * @default nowhere
   */
  readonly loaders?: () => LoaderSettings;
  /**
   * The base URL that clients are given, without a slash at the end.
   * @default by the address that each has connected to
   */
  readonly advertiseUrl?: string | undefined;
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
  /** Where problems are logged. */
  readonly logger: Logger;
  /**
   * Whether finished downloads are logged for operators, not only at level
   * debug.
   *
   * @default {() => false}
   */
  readonly accessLog?: () => boolean;
  /**
   * The settings and the steps of machines.
   *
   * @default nothing is said, and what they do is for those who debug
   */
  readonly machines?: Machines;
  /** What operators are shown besides the counters kept here. */
  readonly status: () => ProviderStatus;
  /** What differs from DEFAULT_TRANSFER_LIMITS. */
  readonly limits?: Partial<TransferLimits>;
}

const NO_TRUST_DOCUMENTS: TrustDocuments = new Map();
const NO_LOADERS: LoaderSettings = { loaders: undefined };

/** Everything a provider answers over HTTP, without a socket. */
export function createHandler(parts: HandlerParts): HttpHandler {
  const { catalog, fileSystem, keepOpenMs = 0, clock, logger, status } = parts;
  const { accessLog = () => false } = parts;
  const machines = parts.machines ?? nothingSaid(clock, logger);
  const transfers = new Transfers({
    clock,
    limits: { ...DEFAULT_TRANSFER_LIMITS, ...parts.limits },
    onEnd(download) {
      noteDownload(machines, download);
      const level = accessLog() ? "info" : "debug";
      logger[level](downloadLine(download, clock.now()));
    },
  });
  const files = new ArtifactFiles({ fileSystem, clock, keepOpenMs });
  const requests = new RequestCounts();
  const trustDocuments = parts.trustDocuments ?? (() => NO_TRUST_DOCUMENTS);
  const snapshot = (): Snapshot => ({
    nowMs: clock.now(),
    provider: status(),
    images: catalog.images(),
    trustDocuments: trustDocuments(),
    machines: machines.steps,
    requests: requests.list(),
    downloads: transfers.counts(),
    recentDownloads: transfers.recent(),
  });
  const sender = { files, transfers, clock, logger };
  const settings = parts.loaders ?? (() => NO_LOADERS);
  const resources = new ResourceCache(
    createRouter({
      catalog,
      trustDocuments,
      advertiseUrl: parts.advertiseUrl,
      sender,
      loaders: new LoaderFiles({ settings, fileSystem, sender }),
      machines,
      snapshot,
    }),
    () => [catalog.images(), trustDocuments()],
  );
  return {
    answer(head, exchange) {
      const counted = (answer: Answer) => {
        requests.add(head.method, answer.status);
        return answer;
      };
      const answer = answerOrElse(
        () => answerBy(resources, head, exchange),
        (error) => {
          const path = printable(requestPath(head.target), 80);
          logger.error(`Cannot answer ${path}: ${messageOf(error)}`);
          return errorAnswer(500, "Internal error: see the log of this server");
        },
      );
      return answer instanceof Promise ? answer.then(counted) : counted(answer);
    },
    close: () => files.closeIdle(),
  };
}

function nothingSaid(clock: Clock, logger: Logger): Machines {
  const say = (line: string) => logger.debug(line);
  return createMachines(NOTHING_SAID, { now: () => clock.now(), say });
}

/** Files that were sent whole say how far a machine has got. */
function noteDownload(
  { steps }: Machines,
  { client, artifact, state, sizeBytes, lengthBytes }: TransferState,
): void {
  if (state !== "done" || lengthBytes !== sizeBytes) return;
  const [, loader] = /^boot\/(.+)$/.exec(artifact) ?? [];
  if (loader === undefined) return steps.sent(client, artifact);
  const what = `loader ${loader} sent by HTTP`;
  steps.note({ client, step: "loader", what, file: artifact });
}

function answerBy(
  resources: ResourceCache,
  head: RequestHead,
  exchange: Exchange,
): Answer | Promise<Answer> {
  const { method, target } = head;
  if (method !== "GET" && method !== "HEAD") {
    return errorAnswer(
      405,
      `Cannot ${printable(method, 20)}: only GET and HEAD are supported`,
      { "Allow": "GET, HEAD" },
    );
  }
  const found = resources.find(target);
  return found.ok
    ? found.value.answer(head, exchange)
    : errorAnswer(404, found.reason);
}
