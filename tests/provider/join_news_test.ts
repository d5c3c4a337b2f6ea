import assert from "node:assert/strict";
import { joinNews, reachabilityNews } from "../../lib/provider/join_news.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const NODE = "/ip4/192.0.2.1/tcp/4001";
const DIALLING = { kind: "dialling" } as const;
const CONNECTED = { kind: "connected" } as const;
const FAILED = { kind: "failed", reason: "connection refused" } as const;

Deno.test("a bootstrap node that was joined is told of when it is lost, and when it is back", () => {
  const logger = new MemoryLogger();
  const tell = joinNews(logger);
  for (
    const state of [
      ...[DIALLING, CONNECTED, FAILED, DIALLING, FAILED, DIALLING, CONNECTED],
      ...[FAILED, DIALLING, CONNECTED],
    ]
  ) tell(NODE, state);
  const lost =
    `WARN Lost the DHT node ${NODE} (connection refused): dialling it until it answers`;
  const back = `INFO Joined the DHT node ${NODE} again`;
  assert.deepEqual(logger.lines, [lost, back, lost, back]);
});

Deno.test("a bootstrap node that never answers is told of once, each by itself", () => {
  const logger = new MemoryLogger();
  const tell = joinNews(logger);
  for (let i = 0; i < 3; i++) {
    for (const address of [NODE, "/dns4/\x1b[31m"]) {
      tell(address, DIALLING);
      tell(address, FAILED);
    }
  }
  assert.deepEqual(logger.lines, [
    `WARN Cannot join the DHT node ${NODE} (connection refused): retrying until it works`,
    "WARN Cannot join the DHT node /dns4/?[31m (connection refused): retrying until it works",
  ]);
});

Deno.test("a firewall is told of, and its end; that there is none is not", () => {
  const logger = new MemoryLogger();
  const tell = reachabilityNews(logger, () => ["/ip4/10.0.0.2/tcp/4001"]);
  tell(true);
  assert.deepEqual(logger.lines, []);
  tell(false);
  tell(true);
  assert.deepEqual(logger.lines, [
    "WARN Other DHT nodes cannot connect to /ip4/10.0.0.2/tcp/4001: images are not found this way; open this port and that of HTTP in the firewall, or have the router map them with --port-mapping",
    "INFO Other DHT nodes can connect to this machine",
  ]);
});
