import { formatChannelArch } from "../core/channel_arch.ts";
import type { Finding } from "./finding.ts";
import type {
  DiskImages,
  HostView,
  PortView,
  StateView,
  UnreadArtifacts,
} from "./host_view.ts";
import { imageFindings } from "./image_findings.ts";

/** For manifests and digests: a few MB for thousands of images. */
const LITTLE_BYTES = 16 * 1024 * 1024;
/** Each download takes two, each image a few more. */
const FEW_DESCRIPTORS = 1024;
/** Linux's default for fifteen years: anything less was set on purpose. */
const FEW_WATCHES = 8192;

/** What is wrong with a provider's machine, given its settings. */
export interface HostFindings {
  /** What keeps a provider from starting. */
  readonly fatal: readonly Finding[];
  /** Everything else. */
  readonly others: readonly Finding[];
}

/**
 * What is wrong on a provider's own machine.
 *
 * @param provider `silent`: one runs but does not answer
 */
export function hostFindings(
  host: HostView,
  provider: "answers" | "silent" | "none",
): HostFindings {
  const { images, keys, state, ports, interfacesMissing } = host;
  // If the state directory cannot be used, neither can the keys in it.
  const ownKeys = state?.problem === undefined ? undefined : `${state.path}/`;
  const hasKey = keys.some(({ keyId }) => keyId !== undefined);
  const ofState = state === undefined
    ? []
    : stateFindings(state, provider === "answers");
  const keepsFromStart = provider === "none" && !hasKey &&
    state?.problem !== undefined;
  return {
    fatal: [
      ...images?.ok === false ? [artifactsUnreadable(images.reason)] : [],
      ...keys.filter(({ path }) =>
        ownKeys === undefined || !path.startsWith(ownKeys)
      ).flatMap(({ path, problem }) => keyUnusable(path, problem)),
      ...keepsFromStart ? ofState : [],
      ...state?.isLocked && provider === "none" ? [stateInUse(state)] : [],
      // A silent provider holds its ports itself.
      ...provider === "silent" ? [] : ports.map(portInTheWay),
    ],
    others: [
      ...images?.ok === true ? diskFindings(images.value) : [],
      ...keepsFromStart ? [] : ofState,
      ...interfacesMissing.length === 0
        ? []
        : [noSuchInterface(interfacesMissing, "the provider would not use it")],
      ...loaderFindings(host),
      ...limitFindings(host),
    ],
  };
}

/** The image directory cannot be read. */
export function artifactsUnreadable(
  { path, kind, message }: UnreadArtifacts,
): Finding {
  const name = "correct artifacts_dir in [provider], or --artifacts";
  return {
    code: "artifacts_unreadable",
    where: [path],
    cause: message,
    nextStep: kind === "absent"
      ? `create it, or ${name}`
      : kind === "forbidden"
      ? `let the user of plasmd read it, such as by: chmod -R a+rX "${path}"`
      : name,
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
  switch (problem) {
    case "taken":
      return portTaken(name);
    case "forbidden":
      return {
        code: "port_forbidden",
        where: [name],
        cause: "this user may not have ports below 1024",
        nextStep:
          "run plasmd doctor as the user that runs plasmd serve, which needs the capability CAP_NET_BIND_SERVICE (examples/plasmd-pxe.conf)",
      };
    case "absent":
      return {
        code: "no_such_address",
        where: [name],
        cause: "this machine does not have that address: a start fails",
        nextStep:
          "correct --bind (bind in [provider]), or leave it out to serve on every address",
      };
  }
}

function portTaken(name: string): Finding {
  const [protocol = "", , number = ""] = name.split(" ");
  const isUdp = protocol === "UDP";
  return {
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
  };
}

/** Interfaces that a provider is to use but that do not exist. */
export function noSuchInterface(
  names: readonly string[],
  consequence: string,
): Finding {
  return {
    code: "no_such_interface",
    where: [...names],
    cause: `${consequence}: no interface "${
      names.join('", "')
    }" with an address`,
    nextStep: "correct --interface, or give that interface an address",
  };
}

function stateInUse({ path }: StateView): Finding {
  return {
    code: "state_in_use",
    where: [path],
    cause: "another plasmd uses it: a second one does not start",
    nextStep:
      `see which: cat "${path}/lock" says its process; stop that one, or name another directory as state_dir`,
  };
}

function stateFindings(
  { path, problem, isLocked, isOpenToOthers, freeBytes }: StateView,
  isRunning: boolean,
): Finding[] {
  const isLow = freeBytes !== undefined && freeBytes < LITTLE_BYTES;
  if (problem?.kind === "full" || isLow && problem === undefined) {
    const left = problem === undefined || isLow
      ? `${Math.floor((freeBytes ?? 0) / 1024)} KiB left`
      : "no room for another file (df -i)";
    return [{
      code: "disk_full",
      where: [path],
      cause:
        `its file system has ${left}: new manifests cannot be kept, and after a restart versions rise though nothing has changed`,
      nextStep: "make room there, or move state_dir to another file system",
    }];
  }
  const unwritable: Finding[] = problem === undefined ? [] : [{
    code: "state_unwritable",
    where: [path],
    cause:
      `${problem.message}: keys, manifests and digests cannot be kept there`,
    nextStep: problem.kind === "forbidden"
      ? "give it to the user of plasmd, or run plasmd doctor as that user"
      : "mount it for writing and give it to the user of plasmd, or name another as state_dir",
  }];
  // We can write there, but the provider could not when it started.
  const unused: Finding[] =
    problem !== undefined || !isRunning || isLocked !== false ? [] : [{
      code: "state_unwritable",
      where: [path],
      cause:
        "the provider that runs has not locked it: keys, manifests and digests are not kept there, since its user may not write there, or another directory is used",
      nextStep:
        "give it to the user of plasmd and restart plasmd, or name the one that it uses",
    }];
  const open: Finding[] = !isOpenToOthers ? [] : [{
    code: "state_open_to_others",
    where: [path],
    cause:
      "others than its owner may write there: they can put a key of theirs in the place of the provider's",
    nextStep: `run: chmod go-w "${path}", and see whose files lie there`,
  }];
  return [...unwritable, ...unused, ...open];
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
