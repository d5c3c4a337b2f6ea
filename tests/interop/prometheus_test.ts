/** What is for Prometheus, held against its own `promtool`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { allMetrics } from "../support/all_metrics.ts";
import { commandOutput } from "../support/command_output.ts";
import { temporaryDirectory } from "../support/programs.ts";

const RULES = fileURLToPath(
  new URL("../../examples/prometheus-rules.yml", import.meta.url),
);

Deno.test("examples/prometheus-rules.yml asks for metrics that there are", async () => {
  const metrics = await allMetrics();
  const named = (await Deno.readTextFile(RULES)).match(/plasmd_\w+/g) ?? [];
  assert.ok(named.length > 10);
  for (const name of named) {
    assert.ok(metrics.includes(`# TYPE ${name} `), name);
  }
});

/** Runs `promtool`, which must find nothing wrong. */
function promtool(...args: string[]): Promise<string> {
  return commandOutput("promtool", args);
}

const obstacle = await promtool("--version").then(
  () => undefined,
  () => "not installed: promtool",
);

function promtoolTest(name: string, body: () => Promise<void>): void {
  Deno.test({
    name: obstacle === undefined ? name : `${name} (skipped: ${obstacle})`,
    ignore: obstacle !== undefined,
    fn: body,
  });
}

promtoolTest("promtool finds nothing wrong with /metrics", async () => {
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(await allMetrics()));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  assert.equal(text.decode(stdout) + text.decode(stderr), "");
  assert.equal(code, 0);
});

const DAY_S = 86_400;

/** What Prometheus sees each hour of a provider, in the notation of its tests. */
interface Seen {
  readonly up: string;
  readonly image: string;
  readonly mdns: string;
  readonly expiry: string;
  readonly trust: string;
  readonly scrubbed: string;
  readonly differing: string;
  readonly link: string;
  readonly running: string;
  readonly behind: string;
}

/** Something that has been like this for 36 days. */
const always = (value: number) => `${value}x864`;

/** A provider that renews every 36 hours, for three days. */
const HEALTHY: Seen = {
  up: always(1),
  image: always(1),
  mdns: always(1),
  expiry: Array.from(
    { length: 24 },
    (_, i) => `${(3 + 1.5 * i) * DAY_S}x35`,
  ).join(" "),
  trust: always(400 * DAY_S),
  scrubbed: "0+3600x864",
  differing: always(0),
  link: always(1),
  running: always(511),
  behind: "_x864",
};

/** The series of a provider. */
function seriesOf(instance: string, seen: Seen): Record<string, string> {
  const labels = `job="plasmd",instance="${instance}"`;
  const image = `channel="stable",arch="arm64",${labels}`;
  return {
    [`up{${labels}}`]: seen.up,
    [`plasmd_start_time_seconds{${labels}}`]: always(0),
    [`plasmd_image_info{version="1",${image}}`]: seen.image,
    [`plasmd_advertised{via="mDNS",${image}}`]: seen.mdns,
    [`plasmd_advertised{via="DHT",${image}}`]: always(0),
    [`plasmd_manifest_expiry_timestamp_seconds{${image}}`]: seen.expiry,
    [`plasmd_trust_expiry_timestamp_seconds{trust_version="3",${labels}}`]:
      seen.trust,
    [`plasmd_scrub_last_pass_timestamp_seconds{${labels}}`]: seen.scrubbed,
    [`plasmd_scrub_differing_total{${labels}}`]: seen.differing,
    [`plasmd_mdns_link_up{interface="lo",${labels}}`]: seen.link,
    [`plasmd_mirror_behind_since_timestamp_seconds{${image}}`]: seen.behind,
    [`plasmd_downloads_running{${labels}}`]: seen.running,
    [`plasmd_downloads_limit{${labels}}`]: always(512),
  };
}

/** What is otherwise, and the alerts that fire on day 30 for it. */
const SCENES: readonly [Partial<Seen>, readonly string[]][] = [
  [{}, []],
  [{ up: "1x700 0x200" }, ["PlasmdDown"]],
  [{ image: "1x716 stale" }, ["PlasmdImageGone", "PlasmdServesNothing"]],
  [{ mdns: always(0) }, ["PlasmdImageNotFound"]],
  // Signed elsewhere: 15 days are left, 11, and half of one.
  [{ expiry: always(45 * DAY_S) }, []],
  [{ expiry: always(41 * DAY_S) }, ["PlasmdManifestExpiresSoon"]],
  [
    { expiry: always(30.5 * DAY_S) },
    ["PlasmdManifestExpires", "PlasmdManifestExpiresSoon"],
  ],
  // One of three days that is not renewed any more.
  [
    { expiry: `${27 * DAY_S}x680 ${30.5 * DAY_S}x200` },
    ["PlasmdManifestExpires"],
  ],
  [{ trust: always(43 * DAY_S) }, ["PlasmdTrustExpiresSoon"]],
  [
    { trust: always(20 * DAY_S) },
    ["PlasmdTrustExpires", "PlasmdTrustExpiresSoon"],
  ],
  [{ scrubbed: always(26 * DAY_S) }, ["PlasmdScrubLate"]],
  [{ scrubbed: "_x864" }, ["PlasmdScrubLate"]],
  [{ differing: "0x719 1x99" }, ["PlasmdContentDiffers"]],
  [{ link: always(0) }, ["PlasmdLinkDown"]],
  [{ running: always(512) }, ["PlasmdDownloadsFull"]],
  // For four hours.
  [{ behind: `_x716 ${29.83 * DAY_S}x100` }, ["PlasmdMirrorBehind"]],
];

promtoolTest(
  "examples/prometheus-rules.yml alerts when it should, and at no other time",
  async () => {
    await promtool("check", "rules", RULES);
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "test.yml");
    const test = {
      interval: "1h",
      input_series: SCENES.flatMap(([changes], i) =>
        Object.entries(seriesOf(`scene-${i}`, { ...HEALTHY, ...changes }))
          .map(([series, values]) => ({ series, values }))
      ),
      promql_expr_test: [{
        expr: 'count by (instance, alertname) (ALERTS{alertstate="firing"})',
        eval_time: "30d",
        exp_samples: SCENES.flatMap(([, alerts], i) =>
          alerts.map((name) => ({
            labels: `{instance="scene-${i}",alertname="${name}"}`,
            value: 1,
          }))
        ),
      }],
    };
    // JSON is YAML.
    await Deno.writeTextFile(
      file,
      JSON.stringify({
        rule_files: [RULES],
        evaluation_interval: "1h",
        tests: [test],
      }),
    );
    await promtool("test", "rules", file);
    const rules = await Deno.readTextFile(RULES);
    assert.deepEqual(
      [...new Set(SCENES.flatMap(([, alerts]) => alerts))].sort(),
      [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name).sort(),
      "each is seen to fire",
    );
  },
);
