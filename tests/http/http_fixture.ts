import { createHttpApp, type HttpApp } from "../../lib/http/app.ts";
import { MemoryCatalog, servedImage } from "../support/memory_catalog.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

/** An app over a disk in memory, and what a test needs to watch it. */
export interface HttpFixture {
  readonly app: HttpApp;
  readonly catalog: MemoryCatalog;
  readonly fileSystem: MemoryFileSystem;
  readonly logger: MemoryLogger;
}

/** The content of stable/arm64's kernel. */
export const KERNEL = "the kernel of stable/arm64";

/** stable/arm64 with every kind of file, testing/x86_64 with a kernel only. */
export async function httpFixture(): Promise<HttpFixture> {
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
  );
  const testing = await servedImage(
    fileSystem,
    { channel: "testing", arch: "x86_64" },
    { kernel: "/srv/testing/x86_64/vmlinuz-6.12" },
  );
  fileSystem.opened.length = 0;
  const catalog = new MemoryCatalog([stable, testing]);
  const logger = new MemoryLogger();
  const app = createHttpApp({ catalog, fileSystem, logger });
  return { app, catalog, fileSystem, logger };
}

/** One request, as a client on the same machine would make it. */
export function request(
  { app }: Pick<HttpFixture, "app">,
  path: string,
  init?: RequestInit,
): Promise<Response> {
  return app.fetch(new Request(`http://10.0.0.1${path}`, init));
}

/** The message of a refusal. */
export async function errorOf(response: Response): Promise<string> {
  const body: unknown = await response.json();
  if (typeof body !== "object" || body === null || !("error" in body)) {
    throw new Error(`not a refusal: ${JSON.stringify(body)}`);
  }
  return String(body.error);
}
