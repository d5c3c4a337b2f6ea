/** examples/posix-client.sh, as shells run it, and providers that lie to it. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "../../lib/manifest/canonical_json.ts";
import { publicKeyPem } from "../../lib/manifest/public_key.ts";
import { sealEnvelope } from "../../lib/manifest/sign_envelope.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { formatTimestamp } from "../../lib/manifest/timestamp.ts";
import { sha256Hex } from "./memory_catalog.ts";
import { temporaryDirectory } from "./programs.ts";
import { testSigningKey } from "./signing_keys.ts";

const CLIENT = fileURLToPath(
  new URL("../../examples/posix-client.sh", import.meta.url),
);
const DAY_MS = 86_400_000;

/** Whom the client trusts, and somebody else. */
export const [owner, stranger] = await Promise.all([
  testSigningKey(21),
  testSigningKey(22),
]);

/** A shell with the tools that it has. */
export interface Shell {
  readonly name: string;
  readonly command: readonly string[];
  /** Programs that are all it may use; undefined: those of this machine. */
  readonly only?: readonly string[];
}

/** Debian's, and what a box of 64 MB has. */
export const SHELLS: readonly Shell[] = [
  { name: "dash", command: ["dash"] },
  {
    name: "busybox",
    command: ["busybox", "sh"],
    only: ["busybox", "openssl"],
  },
];

/** Why the client cannot be run here; undefined when it can. */
export async function posixClientObstacle(): Promise<string | undefined> {
  for (const program of ["dash", "busybox", "openssl"]) {
    if (await pathOf(program) === undefined) return `${program} is not here`;
  }
  return undefined;
}

async function pathOf(program: string): Promise<string | undefined> {
  for (const directory of ["/usr/bin", "/bin"]) {
    const path = join(directory, program);
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  return undefined;
}

/** How the client ended, and what it says. */
export interface ClientEnded {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A box with the client: what it fetched is in `images`. */
export class ClientBox implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #shell: Shell;
  readonly #directory: string;

  private constructor(
    stack: AsyncDisposableStack,
    shell: Shell,
    directory: string,
  ) {
    this.#stack = stack;
    this.#shell = shell;
    this.#directory = directory;
  }

  /** A box that trusts the owner and has fetched nothing. */
  static async open(shell: Shell): Promise<ClientBox> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory());
    await Deno.mkdir(join(path, "images"));
    await Deno.mkdir(join(path, "bin"));
    for (const program of shell.only ?? []) {
      const target = await pathOf(program) ?? program;
      const names = program === "busybox" ? await appletsOf(target) : [program];
      for (const name of names) {
        await Deno.symlink(target, join(path, "bin", name));
      }
    }
    await Deno.writeTextFile(
      join(path, "signing.pub"),
      publicKeyPem(owner.publicKey),
    );
    return new ClientBox(stack.move(), shell, path);
  }

  /** Where it puts images. */
  get images(): string {
    return join(this.#directory, "images");
  }

  /** Runs the client for `stable/arm64`. */
  async run(...args: string[]): Promise<ClientEnded> {
    const [head = "", ...rest] = this.#shell.command;
    const { code, stdout, stderr } = await new Deno.Command(head, {
      args: [
        ...[...rest, CLIENT, "--key", join(this.#directory, "signing.pub")],
        ...["--channel", "stable", "--arch", "arm64"],
        ...["--state", join(this.#directory, "state"), "--timeout", "20"],
        ...args,
      ],
      clearEnv: true,
      env: {
        PATH: this.#shell.only === undefined
          ? "/usr/bin:/bin"
          : join(this.#directory, "bin"),
      },
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    return {
      code,
      stdout: text.decode(stdout),
      stderr: text.decode(stderr),
    };
  }

  /** Fetches from manifests at these URLs. */
  fetch(...urls: string[]): Promise<ClientEnded> {
    return this.run(this.images, ...urls);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

async function appletsOf(busybox: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(busybox, { args: ["--list"] })
    .output();
  return new TextDecoder().decode(stdout).trim().split("\n");
}

/** What `stable/arm64` consists of, path to text. */
export const FILES: Readonly<Record<string, string>> = {
  "vmlinuz": "a kernel",
  "initrd.img": "an initramfs\n",
};

/** The content of a manifest of {@linkcode FILES}, good but for `changes`. */
export async function contentOf(
  changes: JsonObject = {},
  now = Date.now(),
): Promise<JsonObject> {
  return {
    manifest_version: 1000,
    version: "1",
    channel: "stable",
    arch: "arm64",
    created_at: formatTimestamp(now),
    expires_at: formatTimestamp(now + DAY_MS),
    cmdline: 'quiet root={url}/r q="a b"',
    artifacts: {
      kernel: await artifactOf("vmlinuz"),
      initramfs: await artifactOf("initrd.img"),
    },
    ...changes,
  };
}

/** One file of {@linkcode FILES} as a manifest has it, but for `changes`. */
export async function artifactOf(
  name: string,
  changes: JsonObject = {},
): Promise<JsonObject> {
  const bytes = new TextEncoder().encode(FILES[name] ?? name);
  const hash = await sha256Hex(bytes);
  return {
    filename: name,
    hash: `sha256:${hash}`,
    size: bytes.length,
    urls: [name, `/blobs/sha256/${hash}`],
    ...changes,
  };
}

/** An envelope as text. */
export async function sealed(
  content: JsonObject,
  signers: readonly SigningKey[] = [owner],
): Promise<string> {
  return new TextDecoder().decode(await sealEnvelope(content, signers));
}

/** A provider of one manifest on loopback. */
export interface LyingProvider extends AsyncDisposable {
  readonly manifestUrl: string;
  /** The paths that were asked for, the manifest's apart. */
  readonly asked: readonly string[];
}

/**
 * Serves a manifest, and the files that it names.
 *
 * @param blob answers for a file, in place of it
 */
export function lyingProvider(
  manifest: BodyInit,
  blob?: (content: string) => Response,
): LyingProvider {
  const asked: string[] = [];
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    onError: () => new Response(null, { status: 500 }),
    async handler(request) {
      const { pathname } = new URL(request.url);
      if (pathname.endsWith("/manifest.json")) return new Response(manifest);
      asked.push(pathname);
      for (const content of Object.values(FILES)) {
        const hash = await sha256Hex(new TextEncoder().encode(content));
        if (pathname !== `/blobs/sha256/${hash}`) continue;
        return blob?.(content) ?? new Response(content);
      }
      return new Response("", { status: 404 });
    },
  });
  return {
    manifestUrl:
      `http://127.0.0.1:${server.addr.port}/stable/arm64/manifest.json`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
