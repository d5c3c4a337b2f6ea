import type { ImageFile } from "../config/image_file.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { artifactRoles, type RoleChoice } from "./artifact_roles.ts";
import type { ArtifactFile, FilesByRole } from "./image_files.ts";
import { pathPattern } from "./path_pattern.ts";
import { isDeviceTree, isMicrocode, type NamedRole } from "./role_names.ts";

/** The files of an image by what they are for. */
export interface SelectedFiles extends FilesByRole<ArtifactFile> {
  /** How each role came to its file. */
  readonly choices: readonly RoleChoice[];
  /** Whether files were left out because there are too many. */
  readonly isCut: boolean;
}

/** More do not fit into a manifest together with their names. */
const MAX_OTHER_FILES = 1000;
const MAX_OTHER_NAMES_LENGTH = 64 * 1024;

/**
 * Decides which files of a directory make up its image.
 *
 * @param listed by path
 * @param described what its `image.toml` says
 * @returns undefined: no kernel; or why what `image.toml` says cannot be had
 */
export function selectFiles(
  listed: ReadonlyMap<string, ArtifactFile>,
  described: ImageFile = {},
): Result<SelectedFiles | undefined> {
  const named = (path: string): Result<ArtifactFile> => {
    const file = listed.get(path);
    if (file === undefined) return refuse(`"${path}", which does not exist`);
    return file.info.sizeBytes === 0
      ? refuse(`"${path}", which is empty`)
      : ok(file);
  };
  const roles = rolesOf(listed, described);
  if (roles.kernel === undefined) return ok(undefined);
  const kernel = named(roles.kernel);
  if (!kernel.ok) return kernel;
  const chosen = new Map<string, ArtifactFile>();
  const paths = [roles.rootfs, roles.initramfs, ...roles.initrds];
  for (const path of paths) {
    const file = path === undefined ? undefined : named(path);
    if (file === undefined) continue;
    if (!file.ok) return file;
    chosen.set(file.value.filename, file.value);
  }
  const rest = [...listed.values()].filter(({ filename }) =>
    filename !== roles.kernel && filename !== roles.rootfs &&
    filename !== roles.initramfs
  );
  const trees = deviceTrees(rest, described);
  if (!trees.ok) return trees;
  const isTree = new Set(trees.value);
  const others = rest.filter((file) => !isTree.has(file));
  const files = matching(others, described.files, () => true);
  if (!files.ok) return files;
  const wanted = new Set(files.value);
  for (const path of roles.initrds) {
    const file = chosen.get(path);
    if (file !== undefined && path !== roles.initramfs) wanted.add(file);
  }
  const bounded = withinBounds([...wanted], new Set(roles.initrds));
  const initramfs = chosen.get(roles.initramfs ?? "");
  const rootfs = chosen.get(roles.rootfs ?? "");
  return ok({
    kernel: kernel.value,
    ...initramfs !== undefined && { initramfs },
    ...rootfs !== undefined && { rootfs },
    dtbs: trees.value.toSorted(byPath),
    files: bounded,
    initrds: roles.initrds,
    choices: roles.choices,
    isCut: bounded.length < wanted.size,
  });
}

function deviceTrees(
  files: readonly ArtifactFile[],
  { dtbs }: ImageFile,
): Result<readonly ArtifactFile[]> {
  const trees = matching(
    files,
    dtbs,
    ({ filename, info }) => isDeviceTree(filename) && info.sizeBytes > 0,
  );
  if (!trees.ok) return trees;
  const wrong = trees.value.find(({ filename }) => !isDeviceTree(filename));
  return wrong === undefined ? trees : refuse(
    `"${wrong.filename}" as a device tree, which is not a .dtb or .dtbo file`,
  );
}

interface Roles {
  readonly kernel?: string | undefined;
  readonly initramfs?: string | undefined;
  readonly rootfs?: string | undefined;
  readonly initrds: readonly string[];
  readonly choices: readonly RoleChoice[];
}

/** What is described, and by name what is not. */
function rolesOf(
  listed: ReadonlyMap<string, ArtifactFile>,
  described: ImageFile,
): Roles {
  const names = [...listed.values()]
    .filter(({ filename, info }) =>
      !filename.includes("/") && info.sizeBytes > 0
    )
    .map(({ filename }) => filename);
  const roles = artifactRoles(names, described.kernel);
  const initrds = described.initramfs ?? roles.initrds;
  const initramfs = described.initramfs === undefined
    ? roles.initramfs
    : initrds.find((path) => !isMicrocode(path.split("/").at(-1) ?? "")) ??
      initrds.at(-1);
  const rootfs = described.rootfs ?? roles.rootfs;
  const own = { kernel: described.kernel, initramfs, rootfs };
  return {
    kernel: described.kernel ?? roles.kernel,
    initramfs,
    rootfs,
    initrds: initrds.length > 1 ? initrds : [],
    choices: roles.choices.map((choice) =>
      described[choice.role] === undefined
        ? choice
        : describedChoice(choice.role, own[choice.role])
    ),
  };
}

function describedChoice(
  role: NamedRole,
  name: string | undefined,
): RoleChoice {
  const why = "by image.toml";
  return { role, ...name !== undefined && { name }, why, passedOver: [] };
}

/** The files that patterns name, each of at least one, or all that suit. */
function matching(
  files: readonly ArtifactFile[],
  patterns: readonly string[] | undefined,
  suits: (file: ArtifactFile) => boolean,
): Result<ArtifactFile[]> {
  if (patterns === undefined) return ok(files.filter(suits));
  const found = new Set<ArtifactFile>();
  for (const pattern of patterns) {
    const expression = pathPattern(pattern);
    const matches = files.filter(({ filename }) => expression.test(filename));
    if (matches.length === 0) {
      return refuse(`"${pattern}", which matches nothing`);
    }
    for (const file of matches) found.add(file);
  }
  return ok([...found]);
}

/** The files nearest to the kernel, as many as a manifest can hold. */
function withinBounds(
  files: readonly ArtifactFile[],
  needed: ReadonlySet<string>,
): ArtifactFile[] {
  const depth = ({ filename }: ArtifactFile) =>
    needed.has(filename) ? 0 : filename.split("/").length;
  let namesLength = 0;
  return files.toSorted((a, b) => depth(a) - depth(b) || byPath(a, b))
    .filter(({ filename }, index) => {
      namesLength += filename.length;
      return index < MAX_OTHER_FILES && namesLength <= MAX_OTHER_NAMES_LENGTH;
    })
    .toSorted(byPath);
}

function byPath(a: ArtifactFile, b: ArtifactFile): number {
  return a.filename < b.filename ? -1 : 1;
}
