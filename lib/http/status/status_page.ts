import { html, raw } from "hono/html";
import { createHash } from "node:crypto";
import {
  type ChannelArch,
  formatChannelArch,
  manifestPath,
  sameImage,
} from "../../core/channel_arch.ts";
import type { JoinState } from "../../net/dht/join_state.ts";
import type { ServedImage } from "../artifacts/image_catalog.ts";
import type { TransferState } from "../artifacts/transfers.ts";
import { formatBytes, formatDuration } from "./human_units.ts";
import { machineSection } from "./machine_section.ts";
import { type Html, searchField, shown } from "./page_text.ts";
import type {
  AdvertisementStatus,
  LinkStatus,
  MirrorStatus,
} from "./provider_status.ts";
import {
  advertisementsOf,
  imageSizeBytes,
  readiness,
  type Snapshot,
} from "./snapshot.ts";
import { PAGE_SCRIPT, PAGE_STYLE } from "./status_page_assets.ts";

/**
 * Nothing but what is in the page itself may run or be loaded; the script may
 * fetch the page again.
 */
export const PAGE_SECURITY_POLICY: string = [
  "default-src 'none'",
  `style-src '${sourceHash(PAGE_STYLE)}'`,
  `script-src '${sourceHash(PAGE_SCRIPT)}'`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * The page that browsers get at `/`: all of it in one document, complete
 * without its script, which only keeps it up to date. Everything that comes
 * from the disk, the network or clients is escaped by `html`.
 */
export async function statusPage(snapshot: Snapshot): Promise<string> {
  const { provider, nowMs } = snapshot;
  const name = shown(provider.name);
  const up = formatDuration(nowMs - provider.startedMs);
  const page = html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <noscript><meta http-equiv="refresh" content="10"></noscript>
        <title>${name}: boot images</title>
        <link rel="icon" href="data:,">
        <style>${raw(PAGE_STYLE)}</style>
      </head>
      <body>
        <main>
          <header>
            <h1>${name}</h1>
            <p>${readyLine(snapshot)}</p>
            <p class="quiet">plasmd ${provider.version}, up ${up}</p>
          </header>
          ${warningList(snapshot)}
          ${provider.kind === "bootstrap"
            ? ""
            : html`${imageSection(snapshot)} ${mirrorSection(snapshot)} ${
              machineSection(snapshot)
            } ${clientSection(snapshot)}`}
          ${networkSection(snapshot)}
        </main>
        <footer class="quiet">
          <a href="/status">status</a>
          <a href="/metrics">metrics</a>
          <a href="/peers">peers</a>
          <span id="live" role="status"></span>
        </footer>
        <script>${raw(PAGE_SCRIPT)}</script>
      </body>
    </html>
  `;
  return String(await page).trimStart();
}

function readyLine(snapshot: Snapshot): Html {
  const state = readiness(snapshot);
  return state.ok
    ? html`<strong class="good">Ready</strong>`
    : html`<strong class="bad">Not ready: ${state.reason}</strong>`;
}

function warningList({ provider }: Snapshot): Html | "" {
  if (provider.warnings.length === 0) return "";
  const items = provider.warnings.map((text) => html`<li>${shown(text)}</li>`);
  return html`
    <section aria-labelledby="warnings">
      <h2 id="warnings">Warnings</h2>
      <ul class="warnings">${items}</ul>
    </section>
  `;
}

function imageSection(snapshot: Snapshot): Html {
  const { images, provider } = snapshot;
  const nothing = images.length + provider.missing.length === 0;
  return html`
    <section aria-labelledby="images">
      <h2 id="images">Images</h2>
      ${nothing ? html`<p>Nothing is served yet.</p>` : imageTable(snapshot)}
    </section>
  `;
}

/** Channels down, architectures across. */
function imageTable(snapshot: Snapshot): Html {
  const { images, provider: { missing } } = snapshot;
  const all = [...images.map(({ image }) => image), ...missing];
  const channels = [...new Set(all.map(({ channel }) => channel))];
  const arches = [...new Set(all.map(({ arch }) => arch))];
  const columns = arches.map((arch) => html`<th scope="col">${arch}</th>`);
  const rows = channels.map((channel) => {
    const cells = arches.map((arch) => imageCell({ channel, arch }, snapshot));
    return html`
      <tr data-key="${channel}"
        data-found="channel"><th scope="row">${channel}</th>${cells}</tr>
    `;
  });
  return html`
    ${searchField("channel", channels.length)}
    <table class="matrix">
      <thead>
        <tr><th scope="col">Channel</th>${columns}</tr>
      </thead>
      <tbody>${rows}</tbody>
    </table>
  `;
}

function imageCell(image: ChannelArch, snapshot: Snapshot): Html {
  const { images, provider: { missing } } = snapshot;
  const served = images.find((other) => sameImage(other.image, image));
  if (served !== undefined) {
    return html`<td data-arch="${image.arch}">${card(served, snapshot)}</td>`;
  }
  return missing.some((other) => sameImage(other, image))
    ? html`<td data-arch="${image.arch}" class="bad">missing</td>`
    : html`<td data-arch="${image.arch}" class="quiet">&ndash;</td>`;
}

/** What there is to know of one image. */
function card(served: ServedImage, snapshot: Snapshot): Html {
  const { image, version, artifacts, manifest } = served;
  const left = manifest.expiresAtMs - snapshot.nowMs;
  const life = left > 0
    ? html`<span class="quiet">expires in ${formatDuration(left)}</span>`
    : html`<span class="bad">expired: clients refuse it</span>`;
  const signers = manifest.signedBy.map((keyId) =>
    html`<li class="quiet">signed by ${shown(keyId)}</li>`
  );
  const files = [...artifacts.values()].map(({ filename, info }) => {
    const size = formatBytes(info.sizeBytes);
    return html`<li>${shown(filename)} <span class="quiet">${size}</span></li>`;
  });
  const scripts = ["boot.ipxe", "grub.cfg"].map((file) =>
    html`<li><a href="/${formatChannelArch(image)}/${file}">${file}</a></li>`
  );
  const chips = advertisementsOf(snapshot, image)
    .map((status) => advertisementChip(status, snapshot));
  if (chips.length === 0) {
    chips.push(html`<li class="chip quiet">not advertised</li>`);
  }
  return html`
    <a href="${manifestPath(image)}"><strong>${shown(version)}</strong></a>
    <ul class="chips quiet">${scripts}</ul>
    <details data-key="${formatChannelArch(image)}">
      <summary>${formatBytes(imageSizeBytes(served))}</summary>
      <ul>${files} ${signers}</ul>
    </details>
    ${life}
    <ul class="chips">${chips}</ul>
  `;
}

function advertisementChip(
  status: AdvertisementStatus,
  { nowMs, provider: { dht } }: Snapshot,
): Html {
  const { via, published, lastPublishedMs, holders, problem } = status;
  const parts = [
    published ? via : `${via}: ${shown(problem ?? "not yet")}`,
    ...holders === undefined ? [] : [`${holders} nodes`],
    ...lastPublishedMs === undefined
      ? []
      : [`${formatDuration(nowMs - lastPublishedMs)} ago`],
  ];
  // On a LAN of its own the DHT is not missed.
  const isAlone = dht?.peerCount === 0 && dht.bootstrap.size === 0;
  const mood = published ? "good" : via === "DHT" && isAlone ? "quiet" : "bad";
  return html`<li class="chip ${mood}">${parts.join(", ")}</li>`;
}

/** How far behind the images of others a mirror is. */
function mirrorSection({ provider, nowMs }: Snapshot): Html | "" {
  if (provider.mirror === undefined) return "";
  const items = provider.mirror.map((status) => {
    const { image, has, problem } = status;
    const reason = problem === undefined
      ? ""
      : html`<br><span class="bad">${shown(problem)}</span>`;
    return html`
      <li>${formatChannelArch(image)} ${shown(has?.version ?? "nothing yet")}:
        ${mirrorState(status, nowMs)}${reason}</li>
    `;
  });
  return html`
    <section aria-labelledby="mirror">
      <h2 id="mirror">Mirrored</h2>
      <ul>${items}</ul>
    </section>
  `;
}

function mirrorState(status: MirrorStatus, nowMs: number): Html {
  const { newest, behindSinceMs, lastFoundMs, fetched } = status;
  if (newest === undefined || behindSinceMs === undefined) {
    return lastFoundMs === undefined
      ? html`<span class="bad">no other provider was found yet</span>`
      : html`<span class="good">up to date</span>, found elsewhere ${
        formatDuration(nowMs - lastFoundMs)
      } ago`;
  }
  const since = formatDuration(nowMs - behindSinceMs);
  const part = fetched === undefined
    ? ""
    : `, ${formatBytes(fetched.doneBytes)} of ${
      formatBytes(fetched.totalBytes)
    } fetched`;
  return html`<span class="bad">behind ${
    shown(newest.version)
  } for ${since}</span>${part}`;
}

function clientSection(snapshot: Snapshot): Html {
  const { downloads, recentDownloads, nowMs } = snapshot;
  const counts = [
    `${downloads.running} downloading`,
    `${downloads.done} done`,
    `${downloads.broken} broken off`,
    `${downloads.displaced} too slow`,
    `${downloads.refused} turned away`,
    `${formatBytes(downloads.sentBytes)} sent`,
  ];
  const rows = recentDownloads.map((each) => downloadRow(each, nowMs));
  return html`
    <section aria-labelledby="clients">
      <h2 id="clients">Clients</h2>
      <p class="quiet">${counts.join(", ")}</p>
      ${rows.length === 0 ? "" : html`
        <table>
          <thead>
            <tr>
              <th scope="col">Client</th>
              <th scope="col">Artifact</th>
              <th scope="col">Progress</th>
              <th scope="col">Started</th>
            </tr>
          </thead>
          <tbody>${rows}</tbody>
        </table>
      `}
    </section>
  `;
}

function downloadRow(download: TransferState, nowMs: number): Html {
  const { client, artifact, state, sentBytes, lengthBytes } = download;
  const percent = Math.floor(sentBytes / lengthBytes * 100);
  const progress = state === "running" ? `${percent} %` : state;
  const isWhole = state === "running" || state === "done";
  const mood = isWhole ? "quiet" : "bad";
  const started = formatDuration(nowMs - download.startedMs);
  return html`
    <tr>
      <td>${shown(client)}</td>
      <td>${shown(artifact)}</td>
      <td>
        <progress max="100" value="${percent}" aria-label="sent"></progress>
        <span class="${mood}">${progress}</span>
      </td>
      <td class="quiet">${started} ago</td>
    </tr>
  `;
}

function networkSection(snapshot: Snapshot): Html {
  const { advertisers, links, dht } = snapshot.provider;
  const mdns = advertisers.includes("mDNS")
    ? links.map(linkLine)
    : html`<li class="quiet">mDNS is off</li>`;
  const peer = dht === undefined ? html`<li class="quiet">DHT is off</li>` : [
    html`<li>DHT: ${dht.peerCount} peers, own id ${shown(dht.peerId)}</li>`,
    publishingLine(snapshot),
    ...[...dht.bootstrap].map(bootstrapLine),
    dht.isReachable === false
      ? html`<li class="bad">Other DHT nodes cannot connect to this machine</li>`
      : "",
  ];
  return html`
    <section aria-labelledby="network">
      <h2 id="network">Network</h2>
      <ul>${mdns} ${peer}</ul>
    </section>
  `;
}

/** How publishing in the DHT is getting on, over all images. */
function publishingLine({ provider: { dht }, nowMs }: Snapshot): Html | "" {
  if (dht?.publishing === undefined) return "";
  const { waiting, lagMs, meanHolders, lastRound } = dht.publishing;
  const queue = waiting === 0
    ? "all images are published"
    : `${waiting} images waiting, the first for ${formatDuration(lagMs)}`;
  const round = lastRound === undefined
    ? ""
    : `; the last round, ${
      formatDuration(nowMs - lastRound.beganMs)
    } ago, told ${lastRound.told}, ${lastRound.failed} in vain`;
  return html`
    <li>DHT publishing: ${queue}, to ${meanHolders.toFixed(
      1,
    )} nodes on average${round}</li>
  `;
}

function linkLine({ interfaceName, address, state, reason }: LinkStatus): Html {
  const where = `${shown(interfaceName)} (${shown(address)})`;
  const mood = state === "failed" ? "bad" : "good";
  const why = reason === undefined ? "" : `: ${shown(reason)}`;
  return html`<li>mDNS on ${where}: <span class="${mood}">${state}${why}</span></li>`;
}

function bootstrapLine([address, state]: [address: string, JoinState]): Html {
  const mood = state.kind === "failed" ? "bad" : "good";
  const why = state.kind === "failed" ? `: ${shown(state.reason)}` : "";
  return html`<li>DHT node ${
    shown(address)
  }: <span class="${mood}">${state.kind}${why}</span></li>`;
}

/** How a policy names the one style or script that it allows. */
function sourceHash(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
