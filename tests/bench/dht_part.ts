import { percentile } from "../sim/percentile.ts";
import { SimulatedNetwork } from "../sim/network.ts";
import { finds, SCENARIOS } from "../sim/scenarios.ts";
import { missing, type Part, type Row, single } from "./part.ts";

const SIZES = [5, 20, 50];

/**
 * How long a look-up takes in a DHT of which 30 % of the nodes have just been
 * killed, from the start of a process to its end: the scenario `churn` of the
 * simulation, every node at an address of its own on loopback.
 */
export const dhtPart: Part = {
  name: "dht",
  budgetSeconds: 200,
  async run({ rounds, endMs }) {
    const rows: Row[] = [];
    for (const nodes of SIZES) {
      const name = `DHT look-up, ${nodes} nodes, 30 % fail`;
      if (performance.now() > endMs) {
        rows.push(missing(name, "ms", "no time was left"));
        continue;
      }
      rows.push(
        ...await lookUps(nodes, rounds).catch((error) => [
          missing(name, "ms", error),
        ]),
      );
    }
    return rows;
  },
};

async function lookUps(nodes: number, rounds: number): Promise<Row[]> {
  const churn = SCENARIOS.find(({ name }) => name === "churn");
  if (churn === undefined) throw new Error("the simulation has no churn");
  await using network = await SimulatedNetwork.open();
  const { lookups, wanted } = await churn.run(network, {
    lookups: rounds,
    atOnce: 1,
    nodes,
    // Whole processes are killed: of five nodes one each.
    nodesPerProcess: nodes < 20 ? 1 : 5,
    seconds: 60,
  });
  const found = lookups.filter((lookup) =>
    wanted.some((provider) => finds(lookup, provider))
  );
  const elapsedMs = lookups.map((lookup) => lookup.elapsedMs);
  const row = (name: string, unit: string, value: number): Row => ({
    ...single(name, unit, value),
    rounds: lookups.length,
  });
  return [
    row(
      `DHT look-up, ${nodes} nodes, 30 % fail`,
      "ms",
      percentile(elapsedMs, 0.5),
    ),
    row(
      `DHT look-ups that find, ${nodes} nodes`,
      "of all",
      found.length / lookups.length,
    ),
  ];
}
