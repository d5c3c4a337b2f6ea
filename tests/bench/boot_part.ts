import { median, type Part, type Row } from "./part.ts";
import { output } from "./processes.ts";

/** Each run boots a machine in QEMU by each provider. */
const RUNS = 2;
const TEST = "tests/e2e/guests/pxe_bench_test.ts";
const ROOT = new URL("../../", import.meta.url).pathname;

/**
 * How soon a bare machine boots by one command, beside pixiecore: BIOS, in
 * QEMU, from the start of the provider to what the image says.
 */
export const bootPart: Part = {
  name: "boot",
  budgetSeconds: 160,
  async run() {
    const text = await output([
      ...["env", "-C", ROOT, Deno.execPath(), "test", "-A"] as const,
      ...["--no-prompt", TEST, "--", "--pxe-bench", `--runs=${RUNS}`],
      "--kind=bios-pxe",
    ]);
    const seconds = reportedSeconds(text);
    const menu = seconds.get("plasmd by its menu");
    const pixiecore = seconds.get("pixiecore");
    const channel = seconds.get("plasmd by the channel");
    const [, skipped] = /\(skipped: (.*)\)/.exec(text) ?? [];
    const why = skipped ?? "it did not boot";
    const row = (name: string, ours: readonly number[] | undefined): Row => ({
      name,
      unit: "s",
      ...ours !== undefined && { ours: median(ours) },
      others: {
        ...pixiecore !== undefined && { pixiecore: median(pixiecore) },
      },
      skipped: {
        ...pixiecore === undefined && { pixiecore: why },
        ...ours === undefined && { plasm: why },
      },
      rounds: ours?.length ?? 0,
    });
    return [
      row("first boot by BIOS, through the menu", menu),
      row("first boot by BIOS, by the channel of its row", channel),
    ];
  },
};

/** What guests report, by provider. */
function reportedSeconds(text: string): Map<string, number[]> {
  const seconds = new Map<string, number[]>();
  const report = /guest: a first boot,[^:]*: (.+) after ([\d.]+) s/g;
  for (const [, provider = "", value] of text.matchAll(report)) {
    seconds.set(provider, [...seconds.get(provider) ?? [], Number(value)]);
  }
  return seconds;
}
