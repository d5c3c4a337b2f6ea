import assert from "node:assert/strict";
import { openMdnsAdvertiser } from "../../lib/advertise/mdns_advertiser.ts";
import { type ChannelArch, manifestPath } from "../../lib/core/channel_arch.ts";
import { MemoryLogger } from "./memory_logger.ts";

/** An HTTP server on loopback that mDNS says has an image. */
export interface LanServer extends AsyncDisposable {
  /** Where clients look for the manifest. */
  readonly manifestUrl: string;
}

/**
 * Serves whatever a test wants as a manifest, and advertises it.
 *
 * @param name tells the servers of one test apart
 */
export async function openLanServer(
  { name, image, handler }: {
    readonly name: string;
    readonly image: ChannelArch;
    readonly handler: (request: Request) => Response | Promise<Response>;
  },
): Promise<LanServer> {
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    handler,
    onListen() {},
  });
  const advertised = await advertiseOnLan(name, image, server.addr.port);
  return {
    ...advertised,
    async [Symbol.asyncDispose]() {
      await advertised[Symbol.asyncDispose]();
      await server.shutdown();
    },
  };
}

/** Answers every connection with the same bytes, and closes it. */
export async function openRawLanServer(
  { name, image, answer }: {
    readonly name: string;
    readonly image: ChannelArch;
    readonly answer: Uint8Array;
  },
): Promise<LanServer> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      using _ = connection;
      await connection.read(new Uint8Array(4096));
      const writer = connection.writable.getWriter();
      await writer.write(answer);
      await writer.close();
    }
  })();
  const advertised = await advertiseOnLan(name, image, listener.addr.port);
  return {
    ...advertised,
    async [Symbol.asyncDispose]() {
      await advertised[Symbol.asyncDispose]();
      listener.close();
      await serving;
    },
  };
}

/** Advertises a port of loopback by mDNS, whatever answers there. */
export async function advertiseOnLan(
  name: string,
  image: ChannelArch,
  port: number,
): Promise<LanServer> {
  const advertiser = await openMdnsAdvertiser({
    logger: new MemoryLogger(),
    interfaces: ["lo"],
    hostName: `${name}-${Deno.pid}`,
    port,
    isServed: (address) => address === "127.0.0.1",
  });
  const published = await advertiser.publish({ image, version: "1" }, {
    signal: new AbortController().signal,
  });
  assert.ok(published.ok, published.ok ? "" : published.reason);
  return {
    manifestUrl: `http://127.0.0.1:${port}${manifestPath(image)}`,
    [Symbol.asyncDispose]: () => advertiser[Symbol.asyncDispose](),
  };
}
