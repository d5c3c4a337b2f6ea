import { join } from "node:path";

/** A package of others of which something is in a bundle. */
export interface BundledPackage {
  /** As npm has it: `@libp2p/tcp`. */
  readonly name: string;
  /** As in deno.lock. */
  readonly version: string;
  /** The SPDX expression of its package.json. */
  readonly license: string;
  /** Its files about licences, each with its text. */
  readonly notices: ReadonlyMap<string, string>;
}

/** `node_modules/.deno/NAME@VERSION/node_modules/NAME`, and what is below. */
const PACKAGE =
  /^(?<directory>node_modules\/\.deno\/[^/]+\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;
const NOTICE = /^(licen[cs]e|copying|notice)/i;

/**
 * The packages that modules are of.
 *
 * @param root where `node_modules` lies
 * @param modules paths from there, ours among them
 * @returns sorted by name and version
 */
export async function readPackages(
  root: string,
  modules: Iterable<string>,
): Promise<BundledPackage[]> {
  const directories = new Set(
    [...modules].flatMap((path) => PACKAGE.exec(path)?.groups?.directory ?? []),
  );
  return (await Promise.all(
    [...directories].map((directory) => readPackage(join(root, directory))),
  )).sort(byNameAndVersion);
}

/** Each once, in the order of `readPackages`. */
export function unitePackages(
  lists: Iterable<readonly BundledPackage[]>,
): BundledPackage[] {
  const named = [...lists].flat().map((one) =>
    [`${one.name}@${one.version}`, one] as const
  );
  return [...new Map(named).values()].sort(byNameAndVersion);
}

function byNameAndVersion(a: BundledPackage, b: BundledPackage): number {
  const [left, right] = [a, b].map(({ name, version }) => `${name}@${version}`);
  return left === right ? 0 : (left ?? "") < (right ?? "") ? -1 : 1;
}

async function readPackage(directory: string): Promise<BundledPackage> {
  const { name, version, license } = JSON.parse(
    await Deno.readTextFile(join(directory, "package.json")),
  );
  if (typeof license !== "string") {
    throw new Error(`${name} ${version} does not say its license`);
  }
  const names: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    if (entry.isFile && NOTICE.test(entry.name)) names.push(entry.name);
  }
  const notices = names.sort().map(async (file) =>
    [file, await Deno.readTextFile(join(directory, file))] as const
  );
  return {
    name,
    version,
    license,
    notices: new Map(await Promise.all(notices)),
  };
}
