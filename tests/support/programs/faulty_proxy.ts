/**
 * A proxy that does one thing wrong, for tests in network namespaces:
 * `ADDRESS PORT UPSTREAM_PORT FAULT`, the fault as JSON. The upstream is on
 * loopback. Prints a line for each request.
 */
import { runFaultyProxy } from "../faulty_proxy.ts";

const [hostname = "", port, upstreamPort, fault = "null"] = Deno.args;
const print = (line: string) => {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
};
const listener = Deno.listen({ hostname, port: Number(port) });
print("listening");
await runFaultyProxy({
  listener,
  upstream: { hostname: "127.0.0.1", port: Number(upstreamPort) },
  fault: JSON.parse(fault) ?? undefined,
  log: print,
});
