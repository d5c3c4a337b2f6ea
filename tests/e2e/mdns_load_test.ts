import assert from "node:assert/strict";
import { logOf, startProvider, urlsFrom } from "../support/mdns_programs.ts";
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
  "a provider survives 10,000 mutated packets, quiet, small and answering",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24");
    const provider = await startProvider(server, PROVIDER);
    const attacker = await lab.hostOn(lan, "10.77.0.66/24");
    const client = await lab.hostOn(lan, "10.77.0.9/24");
    const fuzzer = attacker.startDeno(
      "mdns_fuzzer.ts",
      "10000",
      "1",
      "10.77.0.66",
    );
    await until(
      "it has something to mutate",
      async () => (await urlsFrom(client, "stable/arm64", 2000)).length === 1,
    );
    await fuzzer.line("done", 60_000);

    assert.deepEqual(await urlsFrom(client, "stable/arm64", 5000), [
      "http://10.77.0.1:8080/stable/arm64/manifest.json",
    ]);
    const residentKib = Number(
      /VmRSS:\s+(\d+)/.exec(
        await Deno.readTextFile(`/proc/${provider.pid}/status`),
      )?.[1],
    );
    assert.ok(residentKib < 300 * 1024, `${residentKib} KiB resident`);
    const malformed = logOf(provider).filter((l) => l.includes("malformed"));
    assert.ok(malformed.length <= 2, malformed.join("\n"));
  },
);

labTest(
  "another responder that shares port 5353 keeps its unicast, whoever starts first",
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
