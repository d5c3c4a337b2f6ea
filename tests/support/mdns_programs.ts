import type { Finding } from "../../lib/discover/source.ts";
import type { LabProgram } from "./lab_program.ts";
import type { LabHost } from "./network_lab.ts";
import type { ProviderProgramOptions } from "./programs/mdns_provider.ts";

/** Starts a provider and waits until it has published. */
export async function startProvider(
  host: LabHost,
  options: ProviderProgramOptions,
): Promise<LabProgram> {
  const program = host.startDeno("mdns_provider.ts", JSON.stringify(options));
  await program.line('"event":"ready"');
  return program;
}

/** What a client found, with the milliseconds since it asked. */
export type TimedFinding = Finding & { readonly ms: number };

/** Asks from a host for as long as given, or until it has a candidate. */
export async function findFrom(
  host: LabHost,
  image: string,
  durationMs: number,
  when: "first" | "all" = "first",
): Promise<TimedFinding[]> {
  const client = host.startDeno(
    "mdns_client.ts",
    image,
    String(durationMs),
    when,
  );
  const lines = await client.done();
  return lines.map((line): TimedFinding => JSON.parse(line));
}

/** The manifest URLs that a client on a host finds, each once. */
export async function urlsFrom(
  host: LabHost,
  image: string,
  durationMs: number,
  when: "first" | "all" = "first",
): Promise<string[]> {
  const findings = await findFrom(host, image, durationMs, when);
  const urls = findings.flatMap((finding) =>
    finding.kind === "candidate" ? [String(finding.candidate.manifestUrl)] : []
  );
  return [...new Set(urls)];
}

/** The log lines of a provider. */
export function logOf(program: LabProgram): string[] {
  return program.lines.map((line) => JSON.parse(line))
    .filter(({ event }) => event === "log").map(({ line }) => line);
}
