/**
 * A provider without HTTP, for tests in network namespaces. Takes its options
 * as JSON, prints a JSON line for each thing that happens, and takes
 * `publish IMAGE VERSION` and `withdraw IMAGE` on stdin. SIGTERM ends it.
 */
import { openMdnsAdvertiser } from "../../../lib/advertise/mdns_advertiser.ts";
import { advertisementOf, imageOf } from "../sample_images.ts";

/** What the program is started with. */
export interface ProviderProgramOptions {
  readonly hostName: string;
  readonly images: readonly string[];
  readonly interfaces?: readonly string[];
  readonly port?: number;
}

const say = (event: Record<string, unknown>) => {
  const line = JSON.stringify({ ms: Math.round(performance.now()), ...event });
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
};
const log = (level: string) => (message: string) =>
  say({ event: "log", line: `${level} ${message}` });

const options: ProviderProgramOptions = JSON.parse(Deno.args[0] ?? "");
const { signal } = new AbortController();
const advertiser = await openMdnsAdvertiser({
  hostName: options.hostName,
  interfaces: options.interfaces ?? [],
  port: options.port ?? 8080,
  logger: {
    debug: log("DEBUG"),
    info: log("INFO"),
    warn: log("WARN"),
    error: log("ERROR"),
  },
});

const publish = async (image: string, version: string) => {
  const result = await advertiser.publish(advertisementOf(image, version), {
    signal,
  });
  say({ event: "published", image, ...result });
};

Deno.addSignalListener("SIGTERM", async () => {
  await advertiser[Symbol.asyncDispose]();
  say({ event: "closed" });
  Deno.exit(0);
});

await Promise.all(options.images.map((image) => publish(image, "2026.1")));
say({ event: "ready" });

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
for await (const text of lines) {
  for (const line of text.trim().split("\n")) {
    const [command, image = "", version = ""] = line.split(" ");
    if (command === "publish") await publish(image, version);
    if (command === "withdraw") {
      await advertiser.withdraw(imageOf(image));
      say({ event: "withdrawn", image });
    }
  }
}
