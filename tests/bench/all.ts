/**
 * `deno task bench:all [--write] [--json=FILE] [--rounds=9] [PART...]`: every
 * figure that this project gives, beside other programs where those are
 * installed. Prints a table, and writes JSON to FILE (dist/bench.json), where
 * the parts that are not run keep what they had; `--write` puts all of it into
 * README and docs/performance.md, between their marks. A program that is not
 * there is said, and a part that fails does not end the rest. Exits with 1 when
 * a floor (floors.ts) is broken.
 */
import { bootPart } from "./boot_part.ts";
import { dhtPart } from "./dht_part.ts";
import { fetchPart } from "./fetch_part.ts";
import { brokenFloors } from "./floors.ts";
import { hashPart } from "./hash_part.ts";
import { httpPart } from "./http_part.ts";
import { lanPart } from "./lan_part.ts";
import { type Part, reasonOf, type Row, sleep } from "./part.ts";
import { output } from "./processes.ts";
import { publishPart } from "./publish_part.ts";
import { absences, headlines, tableOf, withTable } from "./report.ts";
import { scalePart } from "./scale_part.ts";
import { startPart } from "./start_part.ts";

const ROOT = new URL("../../", import.meta.url);
const PARTS: readonly Part[] = [
  startPart,
  lanPart,
  dhtPart,
  httpPart,
  hashPart,
  scalePart,
  fetchPart,
  publishPart,
  bootPart,
];

const NAMES = PARTS.map(({ name }) => name);

/** How many times its budget a part is given before it is given up. */
const OVERDUE = 3;

interface Options {
  readonly parts: readonly Part[];
  readonly rounds: number;
  readonly json: string;
  readonly writes: boolean;
}

/** @returns or what is wrong with the arguments */
function readOptions(args: readonly string[]): Options | string {
  let rounds = 9;
  let json = new URL("dist/bench.json", ROOT).pathname;
  let writes = false;
  const parts: Part[] = [];
  for (const arg of args) {
    const [, name, value = ""] = /^--(json|rounds)=(.+)$/.exec(arg) ?? [];
    const part = PARTS.find(({ name }) => name === arg);
    if (arg === "--write") writes = true;
    else if (name === "json") json = value;
    else if (name === "rounds" && /^[1-9]\d?$/.test(value)) {
      rounds = Number(value);
    } else if (part !== undefined) parts.push(part);
    else {
      const known = NAMES.join(", ");
      return `No part or option "${arg}": there are ${known}, --write, --json=FILE and --rounds=1 to 99`;
    }
  }
  return { parts: parts.length > 0 ? parts : PARTS, rounds, json, writes };
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** What one part gave, or why it gave nothing. */
interface Outcome {
  readonly part: string;
  readonly seconds: number;
  readonly rows: readonly Row[];
  readonly failed?: string;
}

async function runPart(part: Part, rounds: number): Promise<Outcome> {
  const startMs = performance.now();
  const endMs = startMs + part.budgetSeconds * 1000;
  const seconds = () => Math.round((performance.now() - startMs) / 1000);
  try {
    const limitSeconds = OVERDUE * part.budgetSeconds;
    const rows = await Promise.race([
      part.run({ rounds, endMs }),
      sleep(limitSeconds * 1000).then(() => {
        throw new Error(`it did not end in ${limitSeconds} s`);
      }),
    ]);
    return { part: part.name, seconds: seconds(), rows };
  } catch (error) {
    const failed = reasonOf(error);
    return { part: part.name, seconds: seconds(), rows: [], failed };
  }
}

/** Puts the figures into a document, if it has a place for them. */
async function writeInto(path: string, table: string): Promise<void> {
  const url = new URL(path, ROOT);
  const written = withTable(await Deno.readTextFile(url), table);
  if (written === undefined) return print(`${path} has no marks for a table`);
  await Deno.writeTextFile(url, written);
  print(`Wrote ${path}`);
}

/** Of an earlier run, what is not measured by this one. */
async function keptOutcomes(
  { json, parts }: Options,
): Promise<readonly Outcome[]> {
  const text = await Deno.readTextFile(json).catch(() => undefined);
  if (text === undefined) return [];
  const { outcomes }: { outcomes: Outcome[] } = JSON.parse(text);
  return outcomes.filter(({ part }) =>
    !parts.some(({ name }) => name === part)
  );
}

/** On what it was measured, for the line above the table. */
const MACHINE = {
  processors: navigator.hardwareConcurrency,
  memory_gib: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
  linux: /^\d+\.\d+/.exec(Deno.osRelease())?.[0] ?? Deno.build.os,
  deno: Deno.version.deno,
};

async function main(options: Options): Promise<boolean> {
  await Deno.mkdir(new URL("dist", ROOT), { recursive: true });
  const kept = await keptOutcomes(options);
  const outcomes: Outcome[] = [];
  const inOrder = () =>
    [...kept, ...outcomes].toSorted((a, b) =>
      NAMES.indexOf(a.part) - NAMES.indexOf(b.part)
    );
  for (const part of options.parts) {
    const outcome = await runPart(part, options.rounds);
    const { seconds, failed } = outcome;
    print(`${part.name}: ${seconds} s${failed ? `, failed: ${failed}` : ""}`);
    outcomes.push(outcome);
    // Each time: nothing is lost with the next part.
    const report = { machine: MACHINE, outcomes: inOrder() };
    await Deno.writeTextFile(options.json, JSON.stringify(report, null, 2));
  }
  const rows = outcomes.flatMap((outcome) => outcome.rows);
  print(`\n${tableOf(rows)}\n`);
  for (const line of absences(rows)) print(`Not measured: ${line}`);
  if (options.writes) {
    await writeTables(inOrder().flatMap((outcome) => outcome.rows));
  }
  const broken = [
    ...brokenFloors(rows),
    ...outcomes.flatMap(({ part, failed }) =>
      failed === undefined ? [] : [`${part}: ${failed}`]
    ),
  ];
  for (const line of broken) print(`Missed: ${line}`);
  return broken.length === 0;
}

async function writeTables(rows: readonly Row[]): Promise<void> {
  const { processors, memory_gib, linux, deno } = MACHINE;
  const on =
    `On ${processors} processors with ${memory_gib} GiB, Linux ${linux}, Deno ${deno}:`;
  const missing = absences(rows).map((line) => `- ${line}`).join("\n");
  await writeInto("README.md", tableOf(headlines(rows)));
  await writeInto(
    "docs/performance.md",
    `${on}\n\n${tableOf(rows)}${
      missing === "" ? "" : `\n\nNot measured:\n\n${missing}`
    }`,
  );
  const documents = ["README.md", "docs/performance.md"]
    .map((path) => new URL(path, ROOT).pathname);
  await output([Deno.execPath(), "fmt", "-q", ...documents]);
}

if (import.meta.main) {
  const options = readOptions(Deno.args);
  if (typeof options === "string") {
    print(options);
    Deno.exit(2);
  }
  // Of what a part has begun, and nobody waits for any more.
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    print(`Left behind: ${reasonOf(event.reason)}`);
  });
  Deno.exit(await main(options) ? 0 : 1);
}
