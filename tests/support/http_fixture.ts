import type { TransferLimits } from "../../lib/http/artifacts/transfers.ts";
import { createHandler } from "../../lib/http/create_handler.ts";
import type { ProviderStatus } from "../../lib/http/status/provider_status.ts";
import type {
  MachineRow,
  UnknownMachines,
} from "../../lib/machines/machine_rows.ts";
import { createMachines, type Machines } from "../../lib/machines/machines.ts";
import type {
  Answer,
  HttpHandler,
  LentBody,
} from "../../lib/net/http1/handler.ts";
import { FakeClock } from "./fake_clock.ts";
import { MemoryCatalog, servedImage } from "./memory_catalog.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { MemoryLogger } from "./memory_logger.ts";

/** A handler over a disk in memory, and what a test needs to watch it. */
export interface HttpFixture {
  readonly handler: HttpHandler;
  readonly catalog: MemoryCatalog;
  readonly fileSystem: MemoryFileSystem;
  readonly clock: FakeClock;
  /** What the provider tells of itself; a test may replace it. */
  status: ProviderStatus;
  /** By number; none at first. */
  readonly trustDocuments: Map<number, Uint8Array<ArrayBuffer>>;
  readonly logger: MemoryLogger;
  /** What is said of machines, and what they do. */
  readonly machines: Machines;
  /** What is said of machines; a test may replace it. */
  machineRows: readonly MachineRow[];
  /** The same of those without a row. */
  unknownMachines: UnknownMachines;
}

/** The content of stable/arm64's kernel. */
export const KERNEL = "the kernel of stable/arm64";

/**
 * stable/arm64 with a command line and every kind of file, testing/x86_64 with
 * a kernel only.
 */
export async function httpFixture(
  limits: Partial<TransferLimits> = {},
): Promise<HttpFixture> {
  const fileSystem = new MemoryFileSystem()
    .file("/srv/stable/arm64/vmlinuz", KERNEL)
    .file("/srv/stable/arm64/initramfs.img", "an initramfs")
    .file("/srv/stable/arm64/Board-4.dtb", "a device tree")
    .file("/srv/stable/arm64/notes.txt", "not part of the image")
    .file("/srv/testing/x86_64/vmlinuz-6.12", "another kernel");
  const stable = await servedImage(
    fileSystem,
    { channel: "stable", arch: "arm64" },
    {
      kernel: "/srv/stable/arm64/vmlinuz",
      initramfs: "/srv/stable/arm64/initramfs.img",
      "Board-4.dtb": "/srv/stable/arm64/Board-4.dtb",
    },
    { cmdline: "console=ttyAMA0 quiet" },
  );
  const testing = await servedImage(
    fileSystem,
    { channel: "testing", arch: "x86_64" },
    { kernel: "/srv/testing/x86_64/vmlinuz-6.12" },
  );
  fileSystem.opened.length = 0;
  const catalog = new MemoryCatalog([stable, testing]);
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const machines = createMachines({
    rows: () => fixture.machineRows,
    unknown: () => fixture.unknownMachines,
  }, { now: () => clock.now(), say: (line) => logger.info(line) });
  const handler = createHandler({
    catalog,
    fileSystem,
    clock,
    logger,
    status: () => fixture.status,
    trustDocuments: () => fixture.trustDocuments,
    machines,
    limits,
  });
  const fixture: HttpFixture = {
    handler,
    catalog,
    fileSystem,
    clock,
    logger,
    status: silentProvider(),
    trustDocuments: new Map(),
    machines,
    machineRows: [],
    unknownMachines: "menu",
  };
  return fixture;
}

/** A provider that advertises nothing and has nothing to tell. */
export function silentProvider(): ProviderStatus {
  return {
    kind: "provider",
    name: "lab",
    version: "1.2.3",
    startedMs: Date.parse("2026-11-22T11:00:00Z"),
    advertisers: [],
    advertisements: [],
    missing: [],
    http: { address: "0.0.0.0", port: 8080 },
    interfaces: [],
    links: [],
    warnings: [],
    scrub: { doneBytes: 0, totalBytes: 0, differingCount: 0 },
  };
}

/** A provider that advertises stable/arm64 both ways, and misses two images. */
export function busyProvider(): ProviderStatus {
  const image = { channel: "stable", arch: "arm64" };
  return {
    ...silentProvider(),
    advertisers: ["mDNS", "DHT"],
    advertisements: [
      {
        image,
        via: "mDNS",
        published: true,
      },
      {
        image,
        via: "DHT",
        published: true,
        lastPublishedMs: Date.parse("2026-11-22T11:55:00Z"),
        nextRefreshMs: Date.parse("2026-11-22T12:25:00Z"),
        holders: 5,
      },
      {
        image: { channel: "testing", arch: "x86_64" },
        via: "mDNS",
        published: false,
        problem: "eth0 is down",
      },
    ],
    missing: [
      { channel: "stable", arch: "x86_64" },
      { channel: "testing", arch: "arm64" },
    ],
    interfaces: ["lo", "eth0"],
    links: [
      { interfaceName: "lo", address: "127.0.0.1", state: "established" },
      {
        interfaceName: "eth0",
        address: "10.0.0.1",
        state: "failed",
        reason: "Network is down",
      },
    ],
    dht: {
      peerId: "12D3KooWLab",
      peerCount: 7,
      requests: [{ kind: "find_node", answered: true, count: 7 }],
      sentRequests: [{ kind: "put_value", answered: true, count: 40 }],
      publishing: {
        ...{ waiting: 2, lagMs: 1500, meanHolders: 19.5 },
        lastRound: {
          beganMs: Date.parse("2026-11-22T11:30:00Z"),
          told: 9,
          failed: 1,
        },
      },
      isReachable: true,
      peers: () => [{
        peerId: "12D3KooWPeer",
        address: "/ip4/10.0.0.9/tcp/4001",
        isConnected: false,
        lastContactMs: Date.parse("2026-11-22T11:59:00Z"),
      }],
      bootstrap: new Map([["/dnsaddr/lab.example", { kind: "connected" }]]),
    },
    warnings: ["Cannot read /srv/beta: permission denied"],
    scrub: {
      lastEndedMs: Date.parse("2026-11-22T06:00:00Z"),
      doneBytes: 4096,
      totalBytes: 65536,
      differingCount: 1,
    },
  };
}

/** A mirror that is up to date with one image, and is fetching another. */
export function mirroringProvider(): ProviderStatus {
  const current = {
    image: { channel: "stable", arch: "arm64" },
    activity: "waiting" as const,
    has: { version: "1", manifestVersion: 7 },
    newest: { version: "1", manifestVersion: 7 },
    behindSinceMs: undefined,
    lastFoundMs: Date.parse("2026-11-22T11:59:00Z"),
    nextAskMs: Date.parse("2026-11-22T12:09:00Z"),
    ...{ fetched: undefined, problem: undefined },
  };
  return {
    ...silentProvider(),
    mirror: [current, {
      ...current,
      image: { channel: "testing", arch: "x86_64" },
      activity: "fetching",
      has: undefined,
      newest: { version: "<2>", manifestVersion: 8 },
      behindSinceMs: Date.parse("2026-11-22T11:55:00Z"),
      nextAskMs: undefined,
      fetched: { doneBytes: 1024, totalBytes: 4096 },
      problem: "lab is asked for nothing more",
    }],
  };
}

/**
 * One request, as a client would make it, and the answer as a client would
 * see it.
 *
 * @param completed settles when the response has left; by default it never
 * does, as with a client that holds on to its connection
 */
export async function request(
  { handler }: Pick<HttpFixture, "handler">,
  path: string,
  { method = "GET", headers, client = "10.0.0.7", onClose = () => {} }:
    & Pick<RequestInit, "method" | "headers">
    & { readonly client?: string; readonly onClose?: () => void } = {},
  completed: Promise<void> = new Promise(() => {}),
): Promise<Response> {
  const answer = await handler.answer({
    method,
    target: path,
    minorVersion: 1,
    headers: [...new Headers(headers)],
    keepAlive: true,
    body: { kind: "none" },
    expectsContinue: false,
  }, {
    client,
    serverUrl: "http://10.0.0.1:8080",
    whenCompleted: () => completed,
    close: onClose,
  });
  return responseOf(answer, method);
}

/** What an answer looks like to a client. */
function responseOf(answer: Answer, method: string): Response {
  const { status, lengthBytes } = answer;
  const headers = new Headers(Object.entries(answer.headers));
  if (status !== 304) headers.set("content-length", `${lengthBytes}`);
  if ("body" in answer) {
    return new Response(streamOf(answer.body), { status, headers });
  }
  const body = method === "HEAD" || answer.bytes === null
    ? null
    : new Uint8Array(answer.bytes);
  return new Response(body, { status, headers });
}

/** Copies of what is lent, for those who cannot give anything back. */
function streamOf(body: LentBody): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const bytes = await body.read();
      if (bytes === undefined) controller.close();
      else controller.enqueue(bytes.slice());
    },
    cancel: () => body.cancel(),
  }, { highWaterMark: 0 });
}

/** The message of a refusal. */
export async function errorOf(response: Response): Promise<string> {
  const body: unknown = await response.json();
  if (typeof body !== "object" || body === null || !("error" in body)) {
    throw new Error(`not a refusal: ${JSON.stringify(body)}`);
  }
  return String(body.error);
}
