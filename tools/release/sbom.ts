import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import type { BundledPackage } from "./bundled_packages.ts";
import type { DenoRuntime } from "./deno_runtime.ts";

/** What deno.lock says of packages of npm, by `NAME@VERSION`. */
export type LockedPackages = Readonly<
  Record<string, {
    readonly integrity: string;
    readonly dependencies?: readonly string[];
  }>
>;

/** What an inventory is made of. */
export interface SbomSources {
  /** Of the programs. */
  readonly version: string;
  /** When that was made, milliseconds since 1970. */
  readonly releasedAtMs: number;
  /** What is in the bundles. */
  readonly packages: readonly BundledPackage[];
  /** By which these were verified. */
  readonly locked: LockedPackages;
  /** What the packages for Debian carry besides. */
  readonly runtimes: readonly DenoRuntime[];
}

/**
 * An inventory of what is shipped, as CycloneDX 1.6 in JSON: the packages that
 * are in the bundles, each with the hash by which it was verified, what needs
 * what, and Deno itself. It has no serial number, so that the same sources give
 * the same bytes.
 *
 * @throws Error that names a package which is not in the lock
 */
export function renderSbom(sources: SbomSources): string {
  const program = new Models.Component(
    Enums.ComponentType.Application,
    "plasm",
    { bomRef: "plasm", version: sources.version },
  );
  program.licenses.add(new Models.SpdxLicense("Apache-2.0"));
  const bom = new Models.Bom({
    metadata: new Models.Metadata({
      component: program,
      timestamp: new Date(sources.releasedAtMs),
    }),
  });
  const components = new Map(
    sources.packages.map((one) => [keyOf(one), packageComponent(one, sources)]),
  );
  for (const [key, component] of components) {
    bom.components.add(component);
    program.dependencies.add(component.bomRef);
    for (const name of sources.locked[key]?.dependencies ?? []) {
      const needed = components.get(name) ?? onlyVersion(components, name);
      if (needed !== undefined) component.dependencies.add(needed.bomRef);
    }
  }
  for (const runtime of sources.runtimes) {
    bom.components.add(runtimeComponent(runtime));
  }
  const serializer = new Serialize.JsonSerializer(
    new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6),
  );
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function keyOf({ name, version }: BundledPackage): string {
  return `${name}@${version}`;
}

/** A lock names no version where there is only one. */
function onlyVersion(
  components: ReadonlyMap<string, Models.Component>,
  name: string,
): Models.Component | undefined {
  return [...components].find(([key]) =>
    key.slice(0, key.lastIndexOf("@")) === name
  )?.[1];
}

function packageComponent(
  one: BundledPackage,
  { locked }: SbomSources,
): Models.Component {
  const key = keyOf(one);
  const integrity = locked[key]?.integrity;
  if (integrity === undefined) throw new Error(`${key} is not in deno.lock`);
  const [, group, name = one.name] = /^(@[^/]+)\/(.+)$/.exec(one.name) ?? [];
  const component = new Models.Component(Enums.ComponentType.Library, name, {
    ...group !== undefined && { group },
    bomRef: key,
    version: one.version,
    purl: npmUrl(one.name, one.version),
    hashes: hashesOf(integrity),
  });
  component.licenses.add(
    / OR | AND /.test(one.license)
      ? new Models.LicenseExpression(one.license)
      : new Models.SpdxLicense(one.license),
  );
  return component;
}

function runtimeComponent(runtime: DenoRuntime): Models.Component {
  const component = new Models.Component(
    Enums.ComponentType.Platform,
    `deno (${runtime.architecture})`,
    {
      bomRef: runtime.name,
      version: runtime.version,
      description: "runs the programs, in the packages for Debian",
      purl: npmUrl(runtime.name, runtime.version),
      hashes: hashesOf(runtime.integrity),
    },
  );
  component.licenses.add(new Models.SpdxLicense("MIT"));
  return component;
}

/** The package URL (purl) of a package of npm. */
function npmUrl(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${encodeURIComponent(version)}`;
}

/** @param integrity as in a lock: `sha512-` and base64 */
function hashesOf(integrity: string): Models.HashDictionary {
  const bytes = Uint8Array.fromBase64(integrity.replace(/^sha512-/, ""));
  return new Models.HashDictionary([
    [Enums.HashAlgorithm["SHA-512"], bytes.toHex()],
  ]);
}
