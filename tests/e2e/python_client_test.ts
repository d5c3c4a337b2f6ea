/**
 * The client of examples/ in Python, which was written from docs/protocol.md
 * alone, against plasmd: what that page says is enough, and true.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../support/pages.ts";
import { DAY_MS, owner, promise } from "../support/attacked_manifest.ts";
import { commandOutput } from "../support/command_output.ts";
import { makeFiles } from "../support/image_tree.ts";
import {
  type LabHost,
  labObstacle,
  NetworkLab,
} from "../support/network_lab.ts";
import { start, temporaryDirectory } from "../support/programs.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { writeKeys } from "../support/signed_image.ts";

const CLIENT = `${ROOT}examples/python-client.py`;
const CHANNEL = "python";

const python = await commandOutput("python3", ["-c", "import cryptography"])
  .then(() => undefined, () => "not installed: python3 with cryptography");
const lan = labObstacle() ?? python;

function publicHex(key: typeof owner): string {
  return key.publicKey.keyId.slice("ed25519:".length);
}

/** Runs the client on a host; its output, and how it ended. */
async function find(
  host: LabHost,
  address: string,
  key: typeof owner,
): Promise<string> {
  const client = [
    "python3",
    CLIENT,
    CHANNEL,
    "x86_64",
    publicHex(key),
    address,
  ];
  const words = client.map((word) => `'${word}'`).join(" ");
  return await host.exec("sh", "-c", `${words} 2>&1; echo "ended with $?"`);
}

Deno.test({
  name: "examples/python-client.py finds an image by mDNS, and verifies it" +
    (lan === undefined ? "" : ` (skipped: ${lan})`),
  ignore: lan !== undefined,
  async fn() {
    await using directory = await temporaryDirectory();
    const at = (name: string) => join(directory.path, name);
    await makeFiles(at(`images/${CHANNEL}/x86_64`), {
      vmlinuz: "kernel",
      version: "7",
      cmdline: "quiet ä=ö",
    });
    await writeKeys(directory.path, { "signing.pem": owner });
    await using lab = await NetworkLab.open();
    const [one, other] = await lab.twoHosts();
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", at("images"), "--channel", CHANNEL],
      ...["--arch", "x86_64", "--state-dir", at("state"), "--no-dht"],
      ...["--signing-key", at("signing.pem")],
    ], { prefix: one.prefix });
    await provider.line(/Advertising python\/x86_64/);
    const url = "http://10.77.0.1:8080/python/x86_64/manifest.json";

    const found = await find(other, "10.77.0.2", owner);
    assert.match(
      found,
      new RegExp(
        `^MANIFEST_URL=${url}\nVERSION=7\nKERNEL=sha256:\\w{64}\nended with 0\n$`,
      ),
    );

    const refused = await find(other, "10.77.0.2", await testSigningKey(9));
    assert.match(refused, new RegExp(`^Refused ${url}: not signed by `));
    assert.match(refused, /ended with 4\n$/);
  },
});

/** What verify() of the client says of manifests. */
async function verdicts(manifests: readonly string[]): Promise<string[]> {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "manifests.json");
  await Deno.writeTextFile(file, JSON.stringify(manifests));
  const program = [
    "import importlib.util, json, sys",
    "spec = importlib.util.spec_from_file_location('client', sys.argv[1])",
    "client = importlib.util.module_from_spec(spec)",
    "spec.loader.exec_module(client)",
    "for text in json.load(open(sys.argv[2])):",
    "  try:",
    "    print(client.verify(text, 'stable', 'arm64', sys.argv[3])['channel'])",
    "  except Exception as error:",
    "    print(type(error).__name__, error)",
  ].join("\n");
  const said = await commandOutput("python3", [
    ...["-B", "-c", program, CLIENT, file, publicHex(owner)],
  ]);
  return said.trimEnd().split("\n");
}

Deno.test({
  name: "examples/python-client.py refuses what docs/protocol.md says" +
    (python === undefined ? "" : ` (skipped: ${python})`),
  ignore: python !== undefined,
  async fn() {
    const at = async (now: number) =>
      new TextDecoder().decode(await promise({ now }));
    const good = await at(Date.now());
    const [first = "", second = ""] = [good, await at(Date.now() - 60_000)]
      .map((text) => JSON.parse(text).signed.data);
    const image = (name: string) => good.replace(`"arm64"`, `"${name}"`);
    assert.deepEqual(
      (await verdicts([
        good,
        image("x86_64"),
        good.replace("{", `{"arch":"arm64",`),
        good.replace(first, second),
        await at(Date.now() - 31 * DAY_MS),
        await at(Date.now() + 2 * DAY_MS),
      ])).map((line) => line.trim()),
      [
        "stable",
        "ValueError outer members differ from what is signed",
        "ValueError a member twice",
        "InvalidSignature",
        "ValueError expired, or of the future",
        "ValueError expired, or of the future",
      ],
    );
  },
});
