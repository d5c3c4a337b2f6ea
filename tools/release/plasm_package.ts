import { gzipSync } from "node:zlib";
import { DISCOVER_FLAGS, PLASMD_FLAGS } from "../shipped_flags.ts";
import { type DebianPackage, writeDebianPackage } from "./debian_package.ts";
import type { DenoRuntime } from "./deno_runtime.ts";
import { type FileTree, type MadeFile, script, textFile } from "./file_tree.ts";
import type { ReleaseFiles } from "./release_files.ts";

const FLAGS = { plasmd: PLASMD_FLAGS, phase_discover: DISCOVER_FLAGS };
const COMPLETIONS: Readonly<Record<string, string>> = {
  "bash/plasmd": "usr/share/bash-completion/completions/plasmd",
  "bash/phase_discover": "usr/share/bash-completion/completions/phase_discover",
  "zsh/_plasmd": "usr/share/zsh/vendor-completions/_plasmd",
  "zsh/_phase_discover": "usr/share/zsh/vendor-completions/_phase_discover",
  "fish/plasmd.fish": "usr/share/fish/vendor_completions.d/plasmd.fish",
  "fish/phase_discover.fish":
    "usr/share/fish/vendor_completions.d/phase_discover.fish",
};
const DOCUMENTS = "usr/share/doc/plasm";
const CONFIG = "etc/plasm/provider.toml";
const MAINTAINER = "Plasm maintainers <maintainers@plasm.invalid>";

/**
 * The package `plasm`: both programs with the Deno that runs them, in nothing
 * but the permissions that they need, the service, its user and configuration.
 *
 * @param deno the executable
 */
export function plasmPackage(
  files: ReleaseFiles,
  { architecture }: Pick<DenoRuntime, "architecture">,
  deno: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const scripts = ["postinst", "prerm", "postrm"].map((name) =>
    [name, textOf(files.debian, name)] as const
  );
  const made: DebianPackage = {
    fields: {
      Package: "plasm",
      Version: files.version,
      Architecture: architecture,
      Maintainer: MAINTAINER,
      Section: "net",
      Priority: "optional",
      // What `objdump -T deno` asks for, and useradd of postinst.
      Depends: "libc6 (>= 2.27), libgcc-s1, passwd",
      Suggests: "ipxe",
      Description: `Boot images for the machines of a network
 plasmd offers boot images: it signs a manifest for each and serves it by HTTP,
 and makes it known by mDNS and in a DHT. phase_discover finds an image on a
 machine that boots, verifies and fetches it. Deno comes with the package.`,
    },
    files: installed(files, deno),
    directories: ["var/lib/plasm"],
    conffiles: [CONFIG],
    scripts: new Map(scripts),
  };
  return writeDebianPackage(made, files.releasedAtMs);
}

function installed(
  files: ReleaseFiles,
  deno: Uint8Array<ArrayBuffer>,
): Map<string, MadeFile> {
  const tree = new Map<string, MadeFile>([
    ["usr/lib/plasm/deno", { content: deno, isExecutable: true }],
    ["usr/lib/systemd/system/plasmd.service", textFile(unit(files))],
    [
      CONFIG,
      textFile(commentedOut(textOf(files.tree, "examples/provider.toml"))),
    ],
    [`${DOCUMENTS}/copyright`, fileOf(files.debian, "copyright")],
    [
      `${DOCUMENTS}/CHANGELOG.md.gz`,
      gzipped(fileOf(files.tree, "CHANGELOG.md")),
    ],
    [`${DOCUMENTS}/changelog.gz`, gzipped(textFile(debianChangelog(files)))],
    [
      "usr/share/lintian/overrides/plasm",
      fileOf(files.debian, "lintian-overrides"),
    ],
    [
      `${DOCUMENTS}/THIRD_PARTY_LICENSES`,
      fileOf(files.tree, "THIRD_PARTY_LICENSES"),
    ],
  ]);
  for (const [program, flags] of Object.entries(FLAGS)) {
    tree.set(
      `usr/lib/plasm/${program}.js`,
      fileOf(files.tree, `${program}.js`),
    );
    tree.set(`usr/bin/${program}`, script(launcher(program, flags)));
  }
  for (const [path, file] of files.tree) {
    const page = /^man\/(.+\.(\d))$/.exec(path);
    if (page !== null) {
      tree.set(`usr/share/man/man${page[2]}/${page[1]}.gz`, gzipped(file));
    }
    if (path.startsWith("examples/")) tree.set(`${DOCUMENTS}/${path}`, file);
  }
  for (const [from, to] of Object.entries(COMPLETIONS)) {
    tree.set(to, fileOf(files.tree, `completions/${from}`));
  }
  return tree;
}

function launcher(program: string, flags: readonly string[]): string {
  return `#!/bin/sh
# The permissions that ${program} needs, and no others.
export DENO_NO_UPDATE_CHECK=1
exec /usr/lib/plasm/deno run --no-config ${flags.join(" ")} \\
  /usr/lib/plasm/${program}.js "$@"
`;
}

/**
 * The example of a unit, for where the package has the program and a user for
 * it. That one is asked for as such: a state directory of DynamicUser= lies
 * where nobody but root comes to, who could not run `plasmd doctor` as it then.
 */
function unit(files: ReleaseFiles): string {
  const text = textOf(files.tree, "examples/plasmd.service")
    .replaceAll("/usr/local/bin/plasmd", "/usr/bin/plasmd")
    .replace(/^DynamicUser=yes$/m, "User=plasmd");
  const start = text.indexOf("[Unit]");
  const isWhole = /^ExecStart=\/usr\/bin\/plasmd /m.test(text) &&
    /^User=plasmd$/m.test(text);
  if (start < 0 || !isWhole) {
    throw new Error("examples/plasmd.service does not start plasmd as a user");
  }
  return `# To change it: systemctl edit plasmd\n\n${text.slice(start)}`;
}

/** What Debian's tools read of a version: deb-changelog(5). */
function debianChangelog({ version, releasedAtMs }: ReleaseFiles): string {
  const date = new Date(releasedAtMs).toUTCString().replace("GMT", "+0000");
  return `plasm (${version}) stable; urgency=medium

  * CHANGELOG.md.gz beside this file says what is new.

 -- ${MAINTAINER}  ${date}
`;
}

/** A configuration that says nothing yet: what holds is what is built in. */
export function commentedOut(example: string): string {
  return example.replaceAll(/^(?=\w+ = |\[provider\.channels\.)/gm, "# ");
}

function gzipped({ content }: MadeFile): MadeFile {
  return {
    content: Uint8Array.from(gzipSync(content, { level: 9 })),
    isExecutable: false,
  };
}

function fileOf(tree: FileTree, path: string): MadeFile {
  const file = tree.get(path);
  if (file === undefined) throw new Error(`The release has no ${path}`);
  return file;
}

function textOf(tree: FileTree, path: string): string {
  return new TextDecoder().decode(fileOf(tree, path).content);
}
