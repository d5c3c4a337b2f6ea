import { SimulatedNetwork } from "../sim/network.ts";
import { startCrowd } from "../sim/scenarios.ts";
import { missing, type Part, type Row, single } from "./part.ts";
import { output } from "./processes.ts";

/** More than keep a record. */
const NODES = 25;
const SIZES = [1, 50];
const REFRESH_SECONDS = 15;
const PUBLISHER =
  new URL("../sim/publisher_process.ts", import.meta.url).pathname;

/** What publishing has cost, over all images. */
interface Cost {
  /** Announcements of an image. */
  readonly announced: number;
  /** Requests to other nodes, by kind. */
  readonly requests: Readonly<Record<string, number>>;
  /** Of TCP, both ways. */
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * What publishing costs a provider and the DHT that it publishes in; the
 * scenario `many-images` of the simulation, whose publisher this is, has more.
 */
export const publishPart: Part = {
  name: "publish",
  budgetSeconds: 90,
  async run({ endMs }) {
    await using network = await SimulatedNetwork.open();
    const { processes } = await startCrowd(network, NODES, {
      ...{ lookups: 0, atOnce: 1, nodes: NODES, nodesPerProcess: 5 },
      seconds: 0,
    });
    const others = processes.flatMap(({ addresses }) => addresses);
    const rows: Row[] = [];
    for (const [i, images] of SIZES.entries()) {
      const name = `publishing ${images} ${images === 1 ? "image" : "images"}`;
      if (performance.now() > endMs) {
        rows.push(missing(name, "s", "no time was left"));
        continue;
      }
      const { first, refresh } = await publish({
        images,
        host: `127.77.0.${i + 1}`,
        others,
      });
      rows.push(
        single(`${name}, until all are told`, "s", first.seconds),
        single(`${name}, a refresh`, "requests/image", requests(refresh)),
        single(`${name}, a refresh`, "kB/image", kilobytes(refresh)),
      );
    }
    return rows;
  },
};

async function publish(
  what: { images: number; host: string; others: readonly string[] },
): Promise<{ readonly first: Cost; readonly refresh: Cost }> {
  const settings = {
    ...what,
    ...{ refreshSeconds: REFRESH_SECONDS, cycles: 1, ttlSeconds: 3600 },
  };
  const run = ["run", "-A", "--no-prompt", "--no-check", PUBLISHER] as const;
  return JSON.parse(
    await output([Deno.execPath(), ...run, JSON.stringify(settings)]),
  );
}

function requests({ requests, announced }: Cost): number {
  const all = Object.values(requests).reduce((sum, count) => sum + count, 0);
  return all / announced;
}

function kilobytes({ bytes, announced }: Cost): number {
  return bytes / announced / 1000;
}
