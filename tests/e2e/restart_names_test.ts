import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeMessage } from "../../lib/net/dns/encode_message.ts";
import {
  type DnsMessage,
  type DnsRecord,
  DnsType,
  queryMessage,
  responseMessage,
} from "../../lib/net/dns/message.ts";
import { selectLinks } from "../../lib/net/interfaces.ts";
import type { MdnsSocket } from "../../lib/net/mdns/socket.ts";
import { systemMdnsNetwork } from "../../lib/net/mdns/system_network.ts";
import { hostIdOf, instanceName } from "../../lib/wire/dns_sd_names.ts";
import { decoded, question } from "../support/mdns_messages.ts";
import { start, temporaryDirectory } from "../support/programs.ts";

// Other tests and programs use the same loopback: names of our own.
const OWN = crypto.randomUUID().slice(0, 8);
const KEPT = { channel: `${OWN}-kept`, arch: "arm64" };
const GONE = { channel: `${OWN}-gone`, arch: "arm64" };
const TAKEN = { channel: `${OWN}-taken`, arch: "arm64" };

const instanceOf = (image: typeof KEPT, ordinal = 1) =>
  instanceName(image, hostIdOf(Deno.hostname()), ordinal);

/** Hears what is said on loopback of the images here. */
async function listen(onMessage: (message: DnsMessage) => void) {
  const [lo] = selectLinks(systemMdnsNetwork.addresses(), ["lo"]);
  assert.ok(lo, "there is no loopback");
  const socket = await systemMdnsNetwork.open(lo, "group", (packet) => {
    if (new TextDecoder().decode(packet).includes(OWN)) {
      onMessage(decoded(packet));
    }
  });
  assert.ok(socket.ok, socket.ok ? "" : socket.reason);
  return socket.value;
}

/** As a host of another port says that it has the name. */
function otherOwner(name: string): Uint8Array {
  const record: DnsRecord = {
    name,
    type: DnsType.SRV,
    ttlSeconds: 120,
    cacheFlush: true,
    service: { priority: 0, weight: 0, port: 9, target: `${OWN}.local` },
  };
  return encodeMessage(responseMessage([record]));
}

const textOf = (records: readonly DnsRecord[]) => JSON.stringify(records);

Deno.test("a provider that is started again probes for its names while it reads the disk, announces what is there, by another name where it must, and nothing else", async () => {
  await using directory = await temporaryDirectory();
  const artifacts = join(directory.path, "artifacts");
  const kernelOf = ({ channel, arch }: typeof KEPT) =>
    join(artifacts, channel, arch, "vmlinuz");
  for (const image of [KEPT, GONE, TAKEN]) {
    await Deno.mkdir(join(kernelOf(image), ".."), { recursive: true });
    await Deno.writeTextFile(kernelOf(image), `${OWN} ${image.channel}`);
  }
  const serve = () =>
    start("plasmd", [
      ...["serve", "--artifacts", artifacts, "--interface", "lo"],
      ...[
        "--state-dir",
        join(directory.path, "state"),
        "--port",
        "0",
        "--no-dht",
      ],
    ]);
  {
    await using first = serve();
    await first.line(new RegExp(`Advertising ${TAKEN.channel}`));
  }
  await Deno.remove(kernelOf(GONE));

  const heard: DnsMessage[] = [];
  let socket: MdnsSocket | undefined = undefined;
  await using stack = new AsyncDisposableStack();
  socket = stack.use(
    await listen((message) => {
      heard.push(message);
      const name = instanceOf(TAKEN);
      if (!message.questions.some((asked) => asked.name === name)) return;
      void socket?.multicast(otherOwner(name));
    }),
  );
  {
    await using again = serve();
    await again.line(new RegExp(`Advertising ${TAKEN.channel}`));
    const gone = question(instanceOf(GONE), DnsType.ANY);
    await socket.multicast(encodeMessage(queryMessage([gone])));
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.match(
      again.lines().join("\n"),
      new RegExp(`${instanceOf(TAKEN)} belongs to another host, trying`),
    );
  }
  const probed = heard.filter(({ authorities }) => authorities.length > 0)
    .flatMap(({ questions }) => questions.map(({ name }) => name));
  for (const image of [KEPT, GONE]) {
    const probes = probed.filter((name) => name === instanceOf(image));
    assert.equal(probes.length, 3, image.channel);
  }
  const said = textOf(
    heard.flatMap(({ answers, additionals }) => [...answers, ...additionals])
      .filter(({ name, type }) =>
        // What was said above for the other owner.
        type !== DnsType.SRV || name !== instanceOf(TAKEN)
      ),
  );
  assert.ok(said.includes(instanceOf(KEPT)));
  assert.ok(said.includes(instanceOf(TAKEN, 2)));
  assert.ok(!said.includes(instanceOf(TAKEN)), said);
  assert.ok(!said.includes(GONE.channel), said);
});
