import { percentile } from "./percentile.ts";
import type {
  Lookup,
  NodeProcess,
  Provider,
  SimulatedNetwork,
} from "./network.ts";
import {
  finds,
  type Measurement,
  type Scenario,
  type SimulationOptions,
} from "./scenarios.ts";
import { type ModelLookup, SiteModel } from "./site_model.ts";

/** Of a DHT of one's own, as docs/networks.md has it. */
const PROTOCOL = "/example/kad/1.0.0";
/** Of the model: as many do not fit a machine that is to be measured as well. */
const MODEL_NODES = 200;
/** For the same model in every run. */
const MODEL_SEED = 20261122;
/** What a look-up of the model may take, over paths of 10 to 120 ms one way. */
const MODEL_P95_MS = 5000;
/** The same while three of ten sites are gone, which nobody has noticed yet. */
const MODEL_P95_AFTER_LOSS_MS = 10_000;
/** Sites whose machine offers the image. */
const PROVIDERS = 3;
/** What the look-ups of an image ask, and nothing that goes on besides. */
const KINDS = ["get_value", "get_providers"];
/** Nodes that a look-up asks twice: for a record, and for providers. */
const MAX_REQUESTS_PER_LOOKUP = 200;

/**
 * A private DHT of many sites: two bootstrap nodes and one machine of each
 * site's LAN. What runs is `plasmd bootstrap` twice, `plasmd serve` at some
 * sites, `phase_discover` for each look-up, and at the other sites nodes as
 * those are, several in a process: 50 (`--nodes`) on one machine, so that paths
 * are short, and processors are not. What is modelled, beside that, are 200
 * (site_model.ts): there paths are long, and processors are not.
 */
export const MANY_SITES: readonly Scenario[] = [{
  name: "many-sites",
  p95Ms: 5000,
  run: measure,
}];

async function measure(
  network: SimulatedNetwork,
  options: SimulationOptions,
): Promise<Measurement> {
  const protocol = PROTOCOL;
  const first = await network.startMeeting("first", 0, { protocol });
  const meetings = [
    first,
    await network.startMeeting("second", 0, {
      protocol,
      bootstrap: [first.address],
    }),
  ];
  const bootstrap = meetings.map(({ address }) => address);
  const sites = await startSites(network, options, bootstrap);
  const provide = (name: string) =>
    network.startProvider({ bootstrap, name, protocol });
  const providers: Provider[] = [];
  for (let i = 0; i < PROVIDERS; i++) providers.push(await provide(`hq${i}`));
  const places = sites.flatMap(({ addresses }) => addresses);
  const lookUp = async (count: number, extra: readonly string[] = []) => {
    const lookups: Lookup[] = [];
    for (let i = 0; i < count; i++) {
      // By the machine of its own site, which is all that a box knows.
      const site = places[Math.floor(i * places.length / count)] ?? "";
      const known = extra.length > 0 ? extra : [site];
      lookups.push(await network.lookUp({ bootstrap: known, protocol }));
    }
    return lookups;
  };
  const askedBefore = await askedOf(sites);
  const bySite = await lookUp(options.lookups);
  const asked = await askedOf(sites) - askedBefore;

  // One of the two is gone: a site that comes names both.
  await first.kill();
  const late = await provide("late");
  const few = Math.ceil(options.lookups / 5);
  const without = [...await lookUp(few), ...await lookUp(few, bootstrap)];
  const requestsPerLookup = asked / options.lookups;
  const model = await runModel();
  const memory = await Promise.all(sites.map((site) => site.usage()));
  const memoryBytes = memory.reduce((sum, one) => sum + one.memoryBytes, 0);
  return {
    lookups: [...bySite, ...without],
    wanted: [...providers, late],
    checks: {
      found_without_one_bootstrap: without.every((lookup) =>
        [...providers, late].some((provider) => finds(lookup, provider))
      ),
      few_requests: requestsPerLookup <= MAX_REQUESTS_PER_LOOKUP,
      ...model.checks,
    },
    notes: {
      nodes: places.length + meetings.length + PROVIDERS,
      processes: sites.length + meetings.length + PROVIDERS,
      holders: Math.min(...providers.map(({ storedAt }) => storedAt)),
      published_after_ms: Math.round(
        Math.max(...providers.map((one) => one.publishedAfterMs)),
      ),
      // It waits for a look-up from outside to find its image.
      late_published_after_ms: Math.round(late.publishedAfterMs),
      late_holders: late.storedAt,
      requests_per_lookup: Math.round(requestsPerLookup),
      without_one_p95_ms: Math.round(
        percentile(without.map(({ elapsedMs }) => elapsedMs), 0.95),
      ),
      client_mb: Math.max(...bySite.map((one) => toMb(one.memoryBytes))),
      mb_per_site_node: toMb(memoryBytes / places.length),
      bootstrap_mb: toMb((await meetings[1]?.usage())?.memoryBytes ?? 0),
      provider_mb: toMb((await providers[0]?.usage())?.memoryBytes ?? 0),
      ...model.notes,
    },
  };
}

/** Each site of the model looks once; again when some are gone. */
async function runModel(): Promise<
  Pick<Required<Measurement>, "checks" | "notes">
> {
  const model = new SiteModel(MODEL_SEED);
  const first = await model.join([]);
  const second = await model.join([first]);
  const meetings = [first, second];
  while (model.nodes.length < MODEL_NODES - 1) await model.join(meetings);
  const [, , office] = model.nodes;
  const holders = office === undefined ? 0 : await model.publish(office);
  const whole = await lookUpAll(model);
  // Among them the first way in, but not who has the images.
  for (const [i, node] of model.nodes.entries()) {
    node.isDead = i % 10 < 3 && node !== second && node !== office;
  }
  const torn = await lookUpAll(model);
  const late = await model.join(meetings);
  const found = await model.lookUp(late);
  return {
    checks: {
      model_all_found: whole.share === 1 && whole.p95Ms <= MODEL_P95_MS,
      model_all_found_after_loss: torn.share === 1 &&
        torn.p95Ms <= MODEL_P95_AFTER_LOSS_MS,
      model_late_site_finds: found.foundAfterMs !== undefined,
    },
    notes: {
      model_nodes: model.nodes.length,
      model_holders: holders,
      model_p50_ms: Math.round(whole.p50Ms),
      model_p95_ms: Math.round(whole.p95Ms),
      model_requests_per_lookup: Math.round(whole.requests),
      model_after_loss_share: torn.share,
      model_after_loss_p50_ms: Math.round(torn.p50Ms),
      model_after_loss_p95_ms: Math.round(torn.p95Ms),
      model_after_loss_requests_per_lookup: Math.round(torn.requests),
    },
  };
}

/** A box of each site that is there. */
async function lookUpAll(model: SiteModel) {
  const lookups: ModelLookup[] = [];
  for (const site of model.nodes) {
    if (!site.isDead) lookups.push(await model.lookUp(site));
  }
  const foundAfterMs = lookups.map((one) => one.foundAfterMs)
    .filter((ms) => ms !== undefined);
  const requests = lookups.reduce((sum, one) => sum + one.requests, 0);
  return {
    share: foundAfterMs.length / lookups.length,
    p50Ms: percentile(foundAfterMs, 0.5),
    p95Ms: percentile(foundAfterMs, 0.95),
    requests: requests / lookups.length,
  };
}

/** One node of each site, several in a process. */
async function startSites(
  network: SimulatedNetwork,
  { nodes, nodesPerProcess }: SimulationOptions,
  bootstrap: readonly string[],
): Promise<NodeProcess[]> {
  const sites: NodeProcess[] = [];
  const count = nodes - 2 - PROVIDERS;
  for (let rest = count; rest > 0; rest -= nodesPerProcess) {
    sites.push(
      await network.startNodes({
        nodes: Math.min(rest, nodesPerProcess),
        bootstrap,
        protocol: PROTOCOL,
      }),
    );
  }
  await Promise.all(sites.map((site) => site.settle()));
  return sites;
}

/** What the nodes of the sites were asked by look-ups since their start. */
async function askedOf(sites: readonly NodeProcess[]): Promise<number> {
  const counts = await Promise.all(sites.map((site) => site.requests()));
  return counts.flat().filter(({ kind }) => KINDS.includes(kind))
    .reduce((sum, { count }) => sum + count, 0);
}

function toMb(bytes: number): number {
  return Math.round(bytes / 1e6);
}
