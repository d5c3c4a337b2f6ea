import assert from "node:assert/strict";
import type { Finding } from "../../lib/discover/source.ts";
import {
  findFrom,
  logOf,
  startProvider,
  urlsFrom,
} from "../support/mdns_programs.ts";
import { until } from "../support/lab_program.ts";
import { labTest } from "../support/network_lab.ts";

const PROVIDER = { hostName: "lab", images: ["stable/arm64"] };

labTest(
  "40 clients that start within a moment are all answered",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24");
    await startProvider(server, PROVIDER);
    const client = await lab.hostOn(lan, "10.77.0.9/24");
    const program = client.startDeno(
      "mdns_storm.ts",
      "stable/arm64",
      "40",
      "200",
    );
    const times: (number | null)[] = JSON.parse(await program.line("["));
    const found = times.filter((ms) => ms !== null);
    assert.equal(found.length, 40, JSON.stringify(times));
    // 10 ms on a machine with nothing else to do.
    const most = Math.max(...found);
    assert.ok(most < 900, `no client had to ask again: ${most} ms`);
  },
);

labTest(
  "provider and client survive 20,000 mutated packets, quiet, small and of use",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24");
    const provider = await startProvider(server, PROVIDER);
    const attacker = await lab.hostOn(lan, "10.77.0.66/24");
    const client = await lab.hostOn(lan, "10.77.0.9/24");
    const waiting = client.startDeno(
      ...["mdns_client.ts", "late/arm64", "180000", "first"] as const,
    );
    const fuzzer = attacker.startDeno(
      ...["mdns_fuzzer.ts", "20000", "1", "10.77.0.66"] as const,
    );
    await until(
      "it has something to mutate",
      async () => (await urlsFrom(client, "stable/arm64", 2000)).length === 1,
    );
    await fuzzer.line("done", 120_000);

    const findings = await findFrom(client, "stable/arm64", 5000);
    const first = findings.find(({ kind }) => kind === "candidate");
    assert.ok(first?.kind === "candidate", JSON.stringify(findings));
    assert.equal(
      first.candidate.manifestUrl,
      "http://10.77.0.1:8080/stable/arm64/manifest.json",
    );
    // 10 to 30 ms on a machine with nothing else to do.
    assert.ok(first.ms < 500, `it had to ask again: ${first.ms} ms`);
    for (const { pid } of [provider, waiting]) {
      const status = await Deno.readTextFile(`/proc/${pid}/status`);
      const residentKib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
      assert.ok(residentKib < 300 * 1024, `${residentKib} KiB resident`);
    }
    await provider.tell("publish late/arm64 1");
    const found = (await waiting.done()).map((line): Finding =>
      JSON.parse(line)
    );
    assert.deepEqual(
      found.flatMap((finding) =>
        finding.kind === "candidate"
          ? [String(finding.candidate.manifestUrl)]
          : []
      ),
      ["http://10.77.0.1:8080/late/arm64/manifest.json"],
    );
    // 100 things of each host, and 20 that cannot be used.
    assert.ok(found.length < 250, `${found.length} findings`);
    const malformed = logOf(provider).filter((l) => l.includes("malformed"));
    assert.ok(malformed.length <= 2, malformed.join("\n"));
  },
);

labTest(
  "another responder that shares port 5353 keeps its unicast, whichever starts first",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24");
    const asker = await lab.hostOn(lan, "10.77.0.9/24");
    const before = server.startDeno("unicast_listener.ts");
    await before.line("listening");
    const provider = await startProvider(server, PROVIDER);
    await asker.exec(Deno.execPath(), "eval", ASK);
    await before.line("got 10.77.0.9");
    await before.end();

    const after = server.startDeno("unicast_listener.ts");
    await after.line("listening");
    await asker.exec(Deno.execPath(), "eval", ASK);
    await after.line("got 10.77.0.9");
    assert.deepEqual(await urlsFrom(asker, "stable/arm64", 3000), [
      "http://10.77.0.1:8080/stable/arm64/manifest.json",
    ]);
    assert.equal(logOf(provider).length, 1, logOf(provider).join("\n"));
  },
);

/** Sends something to port 5353 of the server alone. */
const ASK = `
  import dgram from "node:dgram";
  const socket = dgram.createSocket("udp4");
  socket.send("unicast", 5353, "10.77.0.1", () => Deno.exit(0));
`;
