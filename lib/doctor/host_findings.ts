import { formatChannelArch } from "../core/channel_arch.ts";
import type { Finding } from "./finding.ts";
import type { DiskImages, HostView, PortView, StateView } from "./host_view.ts";
import { imageFindings } from "./image_findings.ts";

/** A provider keeps manifests and digests: of thousands of images, some MB. */
const LITTLE_BYTES = 16 * 1024 * 1024;
/** Downloads take two each, and every image some more. */
const FEW_DESCRIPTORS = 1024;
/** The default of Linux for fifteen years: anything less was set on purpose. */
const FEW_WATCHES = 8192;

/** What is wrong with the machine of a provider, by its settings. */
export interface HostFindings {
  /** What keeps a provider from starting. */
  readonly fatal: readonly Finding[];
  /** What else there is. */
  readonly others: readonly Finding[];
}

/**
 * What is wrong on a provider's own machine.
 *
 * @param isRunning whether it answers: what it says of images counts then
 */
export function hostFindings(host: HostView, isRunning: boolean): HostFindings {
  const { images, keys, state } = host;
  return {
    fatal: [
      ...images?.ok === false ? [artifactsUnreadable(images.reason)] : [],
      ...keys.flatMap(({ path, problem }) => keyUnusable(path, problem)),
      ...host.ports.map(portInTheWay),
    ],
    others: [
      ...images?.ok === true ? diskFindings(images.value) : [],
      ...state === undefined ? [] : stateFindings(state),
      ...loaderFindings(host),
      ...limitFindings(host),
    ],
  };
}

function artifactsUnreadable(reason: string): Finding {
  const [cause = reason, ...next] = reason.split("; ");
  return {
    code: "artifacts_unreadable",
    where: [/"([^"]+)"/.exec(reason)?.[1] ?? "the artifacts directory"],
    cause,
    nextStep: next.join("; ") ||
      "correct artifacts_dir in [provider], or --artifacts",
  };
}

function diskFindings(images: DiskImages): Finding[] {
  const offered = images.whole.map(formatChannelArch);
  const findings = imageFindings({ ...images, offered });
  if (findings.length > 0 || offered.length > 0) return findings;
  return [{
    code: "nothing_served",
    where: ["the artifacts directory"],
    cause: "no image lies there, so a provider would have none",
    nextStep: "plasmd scan says what lies there and what is missing",
  }];
}

function keyUnusable(path: string, problem: string | undefined): Finding[] {
  if (problem === undefined) return [];
  const [cause = problem, ...next] = problem.split("; ");
  return [{
    code: "key_unusable",
    where: [path],
    cause: `${cause}: no image can be signed, and a start fails`,
    nextStep: next.join("; ") || "restore the key from its backup",
  }];
}

function portInTheWay({ name, problem }: PortView): Finding {
  const [protocol = "", , number = ""] = name.split(" ");
  const isUdp = protocol === "UDP";
  return problem === "taken"
    ? {
      code: "port_taken",
      where: [name],
      cause: `another program has ${name} for itself: plasmd serve cannot`,
      nextStep: `find it with: ss -${
        isUdp ? "u" : "t"
      }lpn sport = :${number}; stop it, or ${
        isUdp
          ? "have it share the port (dnsmasq: bind-dynamic)"
          : "choose another port for plasmd"
      }`,
    }
    : {
      code: "port_forbidden",
      where: [name],
      cause: `this user may not have ${name}`,
      nextStep:
        "run plasmd doctor as the user that runs plasmd serve, which needs the capability CAP_NET_BIND_SERVICE (examples/plasmd-pxe.conf)",
    };
}

function stateFindings(
  { path, problem, isOpenToOthers, freeBytes }: StateView,
): Finding[] {
  const isLow = freeBytes !== undefined && freeBytes < LITTLE_BYTES;
  if (problem?.isFull || isLow && problem === undefined) {
    return [{
      code: "disk_full",
      where: [path],
      cause: `its file system has ${
        Math.floor((freeBytes ?? 0) / 1024)
      } KiB left: new manifests cannot be kept, and after a restart versions rise though nothing has changed`,
      nextStep: "make room there, or move state_dir to another file system",
    }];
  }
  const unwritable: Finding[] = problem === undefined ? [] : [{
    code: "state_unwritable",
    where: [path],
    cause:
      `${problem.message}: keys, manifests and digests cannot be kept there`,
    nextStep:
      "mount it for writing and give it to the user of plasmd, or name another as state_dir",
  }];
  const open: Finding[] = !isOpenToOthers ? [] : [{
    code: "state_open_to_others",
    where: [path],
    cause:
      "others than its owner may write there: they can put a key of theirs in the place of the provider's",
    nextStep: `run: chmod go-w "${path}", and see whose files lie there`,
  }];
  return [...unwritable, ...open];
}

function loaderFindings({ loaders }: HostView): Finding[] {
  if (loaders === undefined) return [];
  const { path, problem, missing } = loaders;
  const causes = problem === undefined ? missing : [problem];
  return causes.length === 0 ? [] : [{
    code: "pxe_loaders_missing",
    where: [path],
    cause: `${
      causes.join("; ")
    }: machines that boot by PXE are led to no image`,
    nextStep:
      "install the package of iPXE (Debian: ipxe), or name the directory of its files as loaders in [pxe]",
  }];
}

function limitFindings({ limits }: HostView): Finding[] {
  const { descriptors, watches } = limits ?? {};
  const isBelow = (limit: number | undefined, least: number) =>
    limit !== undefined && limit < least;
  return [
    ...isBelow(descriptors, FEW_DESCRIPTORS)
      ? [{
        code: "descriptors_low" as const,
        where: ["open files"],
        cause:
          `the process may have ${descriptors} files and sockets open: further clients are turned away`,
        nextStep:
          "allow more: LimitNOFILE= in the unit, ulimit -n in a shell; plasmd takes what it is allowed",
      }]
      : [],
    ...isBelow(watches, FEW_WATCHES)
      ? [{
        code: "inotify_low" as const,
        where: ["inotify watches"],
        cause:
          `the system lets a user watch ${watches} directories: changes of images are noticed late, when everything is looked at again`,
        nextStep: "raise it: sysctl fs.inotify.max_user_watches=65536",
      }]
      : [],
  ];
}
