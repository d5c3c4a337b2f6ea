import { clockByPeers } from "./clock_findings.ts";
import type { Finding } from "./finding.ts";
import { isServed, outcomeText } from "./http_outcome.ts";
import type { Observations } from "./observations.ts";
import type { DhtStatus } from "./provider_view.ts";

/** By this age, a node has joined or has failed repeatedly. */
const JOINED_MS = 30_000;
/** By this age, one without bootstrap nodes has met those of its last run. */
const REJOINED_MS = 5000;

/** What keeps strangers from finding images in the provider's DHT, if any. */
export function dhtFindings(seen: Observations): Finding[] {
  const { provider, nowMs, isLocal } = seen;
  if (provider === undefined || provider.dht === null) return [];
  const { dht, url } = provider;
  // Another machine's clock may differ.
  const age = (isLocal ? nowMs : provider.timeMs) - provider.startedMs;
  if (dht.peerCount === 0) {
    const isNew = dht.bootstrap.length === 0
      ? age < REJOINED_MS
      : age < JOINED_MS &&
        dht.bootstrap.every(({ state }) => state === "dialling");
    if (isNew) return [];
    if (dht.bootstrap.length > 0) return [notJoined(dht)];
    return provider.mdns === null ? [alone(url)] : [];
  }
  if (dht.isReachable === false) {
    return [{
      code: "dht_unreachable",
      where: [url],
      cause:
        "other DHT nodes cannot connect to the provider's: nobody who is not on its LAN finds an image",
      nextStep:
        "let its TCP port in (4001 unless --p2p-port says otherwise), here and on the router, or have the router map it with --port-mapping",
    }];
  }
  return clockByPeers(dht) === undefined ? notFound(seen, age) : [];
}

function notJoined({ bootstrap }: DhtStatus): Finding {
  const where = bootstrap.map(({ address }) => address);
  // Connected, but not a node of this DHT; other than one that does not answer.
  const isOther = bootstrap.some(({ state }) => state === "connected");
  return isOther
    ? {
      code: "dht_not_joined",
      where,
      cause:
        "no other DHT node is known: what answers there is no node of this DHT",
      nextStep:
        "give all of them the same --dht-protocol and --dht-network, or name a node of this DHT with --bootstrap",
    }
    : {
      code: "dht_not_joined",
      where,
      cause: `no other DHT node is known, since none to join through answers: ${
        bootstrap.map(({ state, reason }) => reason ?? state).join(", ")
      }`,
      nextStep:
        "start that node, or name another with --bootstrap; see whether a firewall lets its TCP port through",
    };
}

function alone(url: string): Finding {
  return {
    code: "dht_alone",
    where: [url],
    cause:
      "mDNS is off, and the DHT node knows no other: nobody finds an image",
    nextStep: "name a node to join through with --bootstrap, or turn mDNS on",
  };
}

function notFound(
  { provider, dht, probes }: Observations,
  age: number,
): Finding[] {
  if (provider === undefined || dht === undefined || !dht.hasAnswer) return [];
  if (dht.url !== undefined) {
    const outcome = probes.get(dht.url);
    return isServed(outcome) ? [] : [{
      code: "url_no_answer",
      where: ["DHT"],
      cause: `clients are told ${dht.url}, and ${new URL(dht.url).host} ${
        outcomeText(outcome)
      }`,
      nextStep:
        "correct --advertise-url, or let clients in there, in its firewall and whatever else is on the way",
    }];
  }
  if (age < JOINED_MS) return [];
  const problem = provider.dht?.unpublished[0]?.problem;
  return [{
    code: "dht_not_found",
    where: [...dht.nodes],
    cause: `a stranger who asks these nodes does not find the provider: ${
      problem ?? dht.problems.at(-1) ?? "they know nothing of it"
    }`,
    nextStep:
      "see plasmd status for the nodes that it has joined; --dht-protocol must be the same everywhere",
  }];
}
