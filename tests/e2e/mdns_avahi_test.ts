import assert from "node:assert/strict";
import {
  findFrom,
  logOf,
  startProvider,
  urlsFrom,
} from "../support/mdns_programs.ts";
import { until } from "../support/lab_program.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";

const AVAHI = ["avahi-daemon", "avahi-browse", "avahi-publish", "dbus-daemon"];

/** What avahi on a host knows of a service type, as lines of fields. */
async function browse(host: LabHost, type: string): Promise<string[][]> {
  const text = await host.exec("avahi-browse", "-rpt", type);
  return text.trim().split("\n").filter((line) => line !== "")
    .map((line) => line.split(";"));
}

/** The names of the instances of a service type. */
async function instances(host: LabHost, type: string): Promise<string[]> {
  const lines = await browse(host, type);
  const names = lines.filter(([kind]) => kind === "+").map((f) => f[3] ?? "");
  return [...new Set(names)].sort();
}

labTest(
  "avahi sees every image once, with its attributes and the LAN's address",
  AVAHI,
  async (lab) => {
    const [server, desk] = await lab.twoHosts();
    await desk.startAvahi("desk");
    await startProvider(server, {
      hostName: "lab",
      images: ["stable/arm64", "testing/x86_64"],
    });

    const resolved = (await browse(desk, "_phase-image._tcp"))
      .filter(([kind]) => kind === "=").sort();
    assert.deepEqual(
      resolved.map((f) => f.slice(3, 9)),
      ["stable-arm64", "testing-x86_64"].map((image) => [
        `phase-${image}-lab`,
        "_phase-image._tcp",
        "local",
        "phase-lab.local",
        "10.77.0.1",
        "8080",
      ]),
    );
    const attributes = (resolved[0]?.[9] ?? "").match(/"[^"]*"/g)?.sort();
    assert.deepEqual(attributes, [
      '"arch=arm64"',
      '"channel=stable"',
      '"manifest=http://10.77.0.1:8080/stable/arm64/manifest.json"',
      '"path=/stable/arm64/manifest.json"',
      '"txtvers=1"',
      '"version=2026.1"',
    ]);
    assert.deepEqual(
      await instances(desk, "_stable-arm64._sub._phase-image._tcp"),
      ["phase-stable-arm64-lab"],
    );
    const types = await desk.exec("avahi-browse", "-apt");
    assert.ok(types.includes("_phase-image._tcp"), types);
  },
);

labTest(
  "avahi forgets what is withdrawn or ended, and sees what starts again",
  AVAHI,
  async (lab) => {
    const [server, desk] = await lab.twoHosts();
    await desk.startAvahi("desk");
    const options = {
      hostName: "lab",
      images: ["stable/arm64", "testing/arm64"],
    };
    const provider = await startProvider(server, options);
    const type = "_phase-image._tcp";
    assert.equal((await instances(desk, type)).length, 2);

    await provider.tell("publish stable/arm64 2027.1");
    await until("avahi has the new version", async () => {
      const lines = await browse(desk, type);
      return lines.some((fields) => fields[9]?.includes("version=2027.1"));
    }, 3000);

    await provider.tell("withdraw stable/arm64");
    await until(
      "avahi has one",
      async () =>
        (await instances(desk, type)).join() === "phase-testing-arm64-lab",
      3000,
    );

    const startMs = performance.now();
    await provider.end();
    assert.ok(performance.now() - startMs < 1000, "ends promptly");
    await until(
      "avahi has none",
      async () => (await instances(desk, type)).length === 0,
      3000,
    );

    await startProvider(server, options);
    assert.equal((await instances(desk, type)).length, 2);
  },
);

labTest(
  "an image that avahi publishes is found, with and without a subtype or a path",
  AVAHI,
  async (lab) => {
    const [publisher, client] = await lab.twoHosts();
    await publisher.startAvahi("publisher");
    const publish = (
      name: string,
      image: string,
      place: readonly string[],
      ...rest: string[]
    ) => {
      const [channel, arch] = image.split("/");
      publisher.start(
        "avahi-publish",
        "-s",
        ...rest,
        name,
        "_phase-image._tcp",
        "8787",
        `channel=${channel}`,
        `arch=${arch}`,
        "version=1",
        ...place,
      );
    };
    const subtype = "--subtype=_stable-arm64._sub._phase-image._tcp";
    const at = (image: string, address = "10.77.0.1") =>
      `http://${address}:8787/${image}/manifest.json`;
    publish("My images. No 1", "stable/arm64", [
      `manifest=${at("stable/arm64")}`,
    ], subtype);
    publish("plain", "testing/arm64", [`manifest=${at("testing/arm64")}`]);
    publish("with a path", "nightly/arm64", [
      // As of a link that the client is not on.
      `manifest=${at("nightly/arm64", "10.99.0.1")}`,
      "path=/nightly/arm64/manifest.json",
    ]);
    await until(
      "all are published",
      async () =>
        (await instances(publisher, "_phase-image._tcp")).length === 3,
    );

    for (const image of ["stable/arm64", "testing/arm64", "nightly/arm64"]) {
      const [url] = await urlsFrom(client, image, 3000);
      assert.equal(url, at(image));
    }
    // To the first query, not to a later one. It takes some milliseconds, where
    // nothing else keeps the machine busy: the best of three.
    const answeredMs: number[] = [];
    for (let round = 0; round < 3; round++) {
      const [first] = (await findFrom(client, "stable/arm64", 3000))
        .filter(({ kind }) => kind === "candidate");
      answeredMs.push(first?.ms ?? Infinity);
    }
    assert.ok(Math.min(...answeredMs) < 900, `${answeredMs} ms`);
  },
);

labTest(
  "beside avahi on the same host both answer, and avahi keeps its name and its unicast",
  AVAHI,
  async (lab) => {
    const [server, client] = await lab.twoHosts();
    await server.startAvahi("server");
    await startProvider(server, {
      hostName: "server",
      images: ["stable/arm64"],
    });

    assert.deepEqual(await urlsFrom(client, "stable/arm64", 3000), [
      "http://10.77.0.1:8080/stable/arm64/manifest.json",
    ]);
    const own = await server.exec("avahi-resolve", "-n", "server.local");
    assert.ok(own.includes("10.77.0.1"), own);
    const sockets = await server.exec("ss", "-Hulpn", "sport", "=", "5353");
    const ours = sockets.split("\n").filter((line) => line.includes("deno"));
    assert.ok(ours.length > 0, sockets);
    for (const line of ours) assert.ok(line.includes("224.0.0.251:5353"), line);
    assert.ok(sockets.includes("avahi-daemon"), sockets);
  },
);

labTest("a name that avahi publishes is left to it", AVAHI, async (lab) => {
  const [publisher, server] = await lab.twoHosts();
  await publisher.startAvahi("publisher");
  publisher.start(
    "avahi-publish",
    "-s",
    "phase-stable-arm64-lab",
    "_phase-image._tcp",
    "1234",
    "channel=none",
  );
  await until(
    "it is published",
    async () => (await instances(publisher, "_phase-image._tcp")).length === 1,
  );
  const provider = await startProvider(server, {
    hostName: "lab",
    images: ["stable/arm64"],
  });
  assert.ok(
    logOf(provider).some((line) =>
      line.includes("trying phase-stable-arm64-lab-2")
    ),
    logOf(provider).join("\n"),
  );
  await until(
    "avahi sees both",
    async () =>
      (await instances(publisher, "_phase-image._tcp")).join() ===
        "phase-stable-arm64-lab,phase-stable-arm64-lab-2",
  );
});

labTest(
  "avahi takes another name when it is asked to publish one of ours",
  AVAHI,
  async (lab) => {
    const [publisher, server] = await lab.twoHosts();
    await publisher.startAvahi("publisher");
    const provider = await startProvider(server, {
      hostName: "lab",
      images: ["stable/arm64"],
    });
    publisher.start(
      "avahi-publish",
      "-s",
      "phase-stable-arm64-lab",
      "_phase-image._tcp",
      "1234",
      "channel=none",
    );
    await until(
      "avahi has published under another name",
      async () =>
        (await instances(publisher, "_phase-image._tcp")).length === 2,
    );
    assert.deepEqual(logOf(provider), ["INFO mdns e0 10.77.0.2 established"]);
  },
);

labTest("avahi sees nine images of one provider", AVAHI, async (lab) => {
  const [server, desk] = await lab.twoHosts();
  await desk.startAvahi("desk");
  const images = ["nightly", "stable", "testing"].flatMap((channel) =>
    ["arm64", "riscv64", "x86_64"].map((arch) => `${channel}/${arch}`)
  );
  await startProvider(server, { hostName: "lab", images });
  assert.deepEqual(
    await instances(desk, "_phase-image._tcp"),
    images.map((image) => `phase-${image.replace("/", "-")}-lab`),
  );
});
