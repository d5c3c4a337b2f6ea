/**
 * `deno task demo`: serves two sample images out of four on loopback and finds
 * them, over mDNS and over the DHT, with the programs themselves.
 */
import { join } from "node:path";
import { DISCOVER_FLAGS, PLASMD_FLAGS } from "../tools/shipped_flags.ts";

const IMAGES = [
  { name: "stable/arm64", available: true },
  { name: "stable/x86_64", available: false },
  { name: "testing/arm64", available: true },
  { name: "testing/x86_64", available: false },
];
const PATHS = [
  { title: "mDNS", mode: "lan" },
  { title: "DHT", mode: "wan" },
];
const KERNEL_BYTES = 10 * 1024 * 1024;
const TIMEOUT_SECONDS = 5;

/** A program of ours, running, with what it has logged so far. */
interface Running extends AsyncDisposable {
  /** Waits for a line that matches, which must come within 20 s. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Settles when the program ends by itself. */
  ended: Promise<void>;
}

function command(
  program: "plasmd" | "phase_discover",
  args: string[],
): Deno.Command {
  const flags = program === "plasmd" ? PLASMD_FLAGS : DISCOVER_FLAGS;
  const file = join(import.meta.dirname ?? ".", "..", `${program}.ts`);
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, file, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { DENO_NO_UPDATE_CHECK: "1" },
  });
}

function start(args: string[]): Running {
  const child = command("plasmd", args).spawn();
  let log = "";
  let wake = () => {};
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) {
      const text = decoder.decode(chunk, { stream: true });
      log += text;
      say(text.trimEnd().replaceAll(/^/gm, "  plasmd: "));
      wake();
    }
  })();
  const ended = Promise.all([child.status, reading, child.stdout.cancel()])
    .then(() => {});
  return {
    ended,
    async line(pattern) {
      const limit = AbortSignal.timeout(20_000);
      while (true) {
        const match = pattern.exec(log);
        if (match !== null) return match;
        await new Promise<void>((resolve, reject) => {
          wake = resolve;
          const fail = () => reject(new Error(`plasmd did not say ${pattern}`));
          ended.then(fail);
          limit.addEventListener("abort", fail, { once: true });
        });
      }
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended already.
      }
      await ended;
    },
  };
}

/** @returns what to show, and whether the image was found */
async function find(
  image: string,
  mode: string,
  bootstrap: string,
): Promise<{ found: boolean; text: string }> {
  const [channel = "", arch = ""] = image.split("/");
  const { code, stdout, stderr } = await command("phase_discover", [
    ...["--channel", channel, "--arch", arch, "--mode", mode],
    ...["--timeout", String(TIMEOUT_SECONDS), "--interface", "lo"],
    ...(mode === "wan" ? ["--bootstrap", bootstrap] : []),
    ...["--format", "json"],
  ]).output();
  const decoder = new TextDecoder();
  switch (code) {
    case 0: {
      const { elapsed_ms } = JSON.parse(decoder.decode(stdout));
      return { found: true, text: `found in ${elapsed_ms} ms` };
    }
    case 3:
      return { found: false, text: "not available" };
    default:
      throw new Error(
        `phase_discover ended with ${code}: ${decoder.decode(stderr)}`,
      );
  }
}

/** The specification's test tree: two kernels, two empty directories. */
async function makeImages(directory: string): Promise<void> {
  const kernel = new Uint8Array(KERNEL_BYTES);
  for (const { name, available } of IMAGES) {
    await Deno.mkdir(join(directory, name), { recursive: true });
    if (!available) continue;
    for (let done = 0; done < KERNEL_BYTES; done += 65536) {
      crypto.getRandomValues(kernel.subarray(done, done + 65536));
    }
    await Deno.writeFile(join(directory, name, "vmlinuz"), kernel);
  }
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function row(cells: string[]): string {
  return cells.map((cell) => cell.padEnd(18)).join("").trimEnd();
}

async function demo(directory: string, once: boolean): Promise<boolean> {
  const artifacts = join(directory, "artifacts");
  say(`Making two sample images below ${artifacts}`);
  await makeImages(artifacts);

  await using bootstrapNode = start([
    ...["bootstrap", "--interface", "lo", "--p2p-port", "0"],
    ...["--state-dir", join(directory, "bootstrap")],
  ]);
  const [, bootstrap = ""] = await bootstrapNode.line(/DHT node (\S+)/);
  await using provider = start([
    ...["serve", "--artifacts", artifacts, "--interface", "lo"],
    ...["--port", "0", "--p2p-port", "0", "--bootstrap", bootstrap],
    ...["--state-dir", join(directory, "provider")],
  ]);
  await provider.line(/WARN Missing artifacts for testing\/x86_64/);

  say("");
  say(row(["image", ...PATHS.map(({ title }) => title)]));
  let right = true;
  for (const { name, available } of IMAGES) {
    const results = await Promise.all(
      PATHS.map(({ mode }) => find(name, mode, bootstrap)),
    );
    say(row([name, ...results.map(({ text }) => text)]));
    right &&= results.every(({ found }) => found === available);
  }
  say("");
  if (!right) say("This is not what is there: two were to be found");
  if (right && !once) {
    say("Still serving; try this in another terminal, and end with Ctrl-C:");
    say("  deno task discover --channel stable --arch arm64 --interface lo");
    await Promise.race([interrupted(), provider.ended]);
  }
  return right;
}

/** Resolves at Ctrl-C, which also reaches the programs started. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(name, () => resolve());
    }
  });
}

if (import.meta.main) {
  const directory = await Deno.makeTempDir({ prefix: "plasm-demo-" });
  let right = false;
  try {
    right = await demo(directory, Deno.args.includes("--once"));
  } catch (error) {
    say(`The demo failed: ${error instanceof Error ? error.message : error}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  Deno.exit(right ? 0 : 1);
}
