import { deadline, systemClock } from "../core/clock.ts";
import { UnreachableError } from "../core/errors.ts";
import { ExitCode } from "../core/exit_code.ts";
import { messageOf } from "../core/printable.ts";
import { httpGet } from "../net/http1/get.ts";
import type {
  ImageStatusDocument,
  MirrorDocument,
  StatusDocument,
} from "../http/status/status_json.ts";
import type { CommandValues } from "./command_context.ts";
import { withJson, writeResult } from "./output.ts";

/** Longest wait for a provider's answer. */
const TIMEOUT_MS = 5000;

/** `plasmd status`: asks a running provider how it stands. */
export async function runStatus(
  values: CommandValues<"status">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const text = await fetchStatus(values.url, { signal });
  let lines: string[];
  let code: ExitCode;
  try {
    // Anything missing shows as a TypeError: then the answer is not from a
    // provider.
    const status = JSON.parse(text);
    lines = withJson(values, status, () => statusLines(status));
    code = statusExitCode(status);
  } catch (cause) {
    throw new UnreachableError(
      `Cannot read the status of ${values.url}: not a plasmd of this version`,
      { cause },
    );
  }
  await writeResult(lines, { signal });
  return code;
}

/**
 * Asks a provider for its `/status`.
 *
 * @param base its URL, without a slash at the end
 * @returns JSON, untrusted
 * @throws UnreachableError when there is none
 */
export function fetchStatus(
  base: string,
  options: { readonly signal: AbortSignal },
): Promise<string> {
  return fetchText(base, "/status", options);
}

/**
 * Asks a provider for a document of its own, as `fetchStatus()` does.
 *
 * @param path such as `/peers`
 */
export async function fetchText(
  base: string,
  path: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<string> {
  using limit = deadline(systemClock, TIMEOUT_MS, { signal });
  try {
    // Whatever the port: `fetch` refuses those of other protocols.
    using reply = await httpGet(new URL(`${base}${path}`), limit);
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of reply.body) {
      text += decoder.decode(chunk, { stream: true });
    }
    if (reply.status === 200) return text;
    throw new Error(`it answers ${reply.status}`);
  } catch (cause) {
    signal.throwIfAborted();
    throw new UnreachableError(
      `Cannot ask ${base} for its status: ${
        messageOf(cause)
      }; name a running provider with --url`,
      { cause },
    );
  }
}

/** On the provider's own clock. */
function hasExpired(
  { expires_at }: Pick<ImageStatusDocument, "expires_at">,
  { time }: Pick<StatusDocument, "time">,
): boolean {
  return Date.parse(expires_at) <= Date.parse(time);
}

/** The exit code: 4 when clients accept nothing of what is served. */
export function statusExitCode(status: StatusDocument): ExitCode {
  const { images } = status;
  return images.length > 0 && images.every((image) => hasExpired(image, status))
    ? ExitCode.notVerified
    : ExitCode.done;
}

/** What people read of a provider's status. */
export function statusLines(status: StatusDocument): string[] {
  return [
    `${status.name}  plasmd ${status.version}  ${
      status.ready ? "ready" : "not ready"
    }`,
    ...status.images.flatMap((image) => {
      const { channel, arch, version, advertised } = image;
      const line = `image    ${channel}/${arch}  ${version}  ${
        advertised.map(({ via, published, holders, problem }) => {
          if (!published) return `${via} no (${problem ?? "not yet"})`;
          return `${via} yes${
            holders === undefined ? "" : ` (at ${holders} nodes)`
          }`;
        }).join(", ") || "not advertised"
      }`;
      const isOver = hasExpired(image, status);
      return [
        line,
        `         ${isOver ? "EXPIRED" : "expires"} ${image.expires_at}`,
        ...image.signed_by.map((keyId) => `         signed by ${keyId}`),
      ];
    }),
    ...status.trust === null ? [] : [
      `trust    ${status.trust.trust_version}  expires ${
        status.trust.expires_at ?? "never"
      }`,
    ],
    ...(status.mirror ?? []).flatMap(mirrorLines),
    ...status.missing.map((name) => `missing  ${name}`),
    ...(status.mdns?.links ?? []).map((link) =>
      `mdns     ${link.interface} ${link.address} ${link.state}${
        link.reason === undefined ? "" : `: ${link.reason}`
      }`
    ),
    ...status.dht === null ? [] : [
      `dht      ${status.dht.peer_id}  ${status.dht.peers} peers${
        status.dht.reachable === false ? ", which cannot connect to it" : ""
      }`,
      ...status.dht.bootstrap.map(({ address, state, reason }) =>
        `         ${address} ${state}${
          reason === undefined ? "" : `: ${reason}`
        }`
      ),
    ],
    ...machineLines(status.machines),
    ...scrubLines(status.scrub),
    ...status.warnings.map((warning) => `warning  ${warning}`),
  ];
}

/** How many machines are shown, the latest ones: `--json` has all. */
const MAX_MACHINES = 100;

function machineLines(machines: StatusDocument["machines"]): string[] {
  const lines = machines.slice(0, MAX_MACHINES).map((machine) => {
    const { id, name, firmware, address, what, since, stuck } = machine;
    return [
      `machine  ${id}`,
      ...name === undefined ? [] : [`(${name})`],
      ...firmware === undefined ? [] : [firmware],
      ...address === undefined || address === id ? [] : [address],
    ].join(" ") + `: ${what}, ${stuck ? "STUCK " : ""}since ${since}`;
  });
  const left = machines.length - lines.length;
  return left > 0 ? [...lines, `         and ${left} more`] : lines;
}

/** The state of a mirror, image by image. */
function mirrorLines(mirror: MirrorDocument): string[] {
  const { channel, arch, newest, behind_since, fetched } = mirror;
  const name = `${channel}/${arch}`;
  const state = newest === null || behind_since === null
    ? `last found elsewhere ${mirror.last_found_at ?? "never"}`
    : `behind ${newest.version} since ${behind_since}${
      fetched === null ? "" : `, has ${fetchedPercent(fetched)} %`
    }`;
  return [
    `mirror   ${name}  ${mirror.has?.version ?? "nothing yet"}  ${state}`,
    ...mirror.problem === null ? [] : [`         ${mirror.problem}`],
  ];
}

function fetchedPercent(
  { done_bytes, total_bytes }: NonNullable<MirrorDocument["fetched"]>,
): number {
  return Math.floor(100 * done_bytes / Math.max(1, total_bytes));
}

/** The lines about a provider that is reading its content again. */
function scrubLines(
  { last_full_pass_at, done_bytes, total_bytes, differing }:
    StatusDocument["scrub"],
): string[] {
  if (total_bytes === 0) return [];
  const percent = Math.floor(100 * done_bytes / total_bytes);
  const found = differing > 0 ? `, ${differing} files differed` : "";
  return [
    `scrub    last ended ${
      last_full_pass_at ?? "never"
    }, latest pass ${percent} %${found}`,
  ];
}
