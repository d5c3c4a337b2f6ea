import assert from "node:assert/strict";

/**
 * Modules of lib without a test of their name, and where their behaviour is
 * tested instead. Those that hold types only need no line here.
 */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "cli/close_debugger.ts": "e2e/signals_test.ts",
  "cli/command_context.ts": "e2e/config_test.ts: which files and flags count",
  "cli/discover_command.ts":
    "e2e/serve_and_discover_test.ts, e2e/trust_test.ts",
  "cli/doctor_command.ts": "e2e/doctor_test.ts",
  "cli/hang_ups.ts": "e2e/hang_ups_test.ts",
  "cli/key_commands.ts": "e2e/signing_commands_test.ts",
  "cli/manifest_commands.ts": "e2e/signing_commands_test.ts",
  "cli/open_sources.ts":
    "e2e/serve_and_discover_test.ts, e2e/network_matrix_test.ts",
  "cli/mirror_command.ts": "e2e/mirror_command_test.ts",
  "cli/mirror_disk.ts": "mirror/image_store_test.ts",
  "cli/provider_commands.ts":
    "e2e/serve_and_discover_test.ts, e2e/signals_test.ts",
  "cli/read_anchor.ts": "e2e/trust_test.ts, e2e/mirror_chain_test.ts",
  "cli/trust_commands.ts": "e2e/trust_commands_test.ts",
  "config/image_file.ts": "scan/image_toml_test.ts, through readImage()",
  "config/common_options.ts": "rows: config/option_table_test.ts reads them",
  "config/mirror_options.ts": "rows: config/plasmd_options_test.ts",
  "core/dht_protocol.ts": "a constant",
  "core/exit_code.ts": "constants",
  "core/file_system.ts":
    "a port: cli/disk_test.ts holds the disk and the twin to it",
  "core/version.ts": "a constant",
  "doctor/link_findings.ts": "doctor/findings_test.ts, row by row",
  "doctor/look_at_host.ts": "e2e/doctor_setups_test.ts",
  "doctor/not_looked_at.ts": "doctor/examine_test.ts",
  "doctor/provider_services.ts": "doctor/findings_test.ts",
  "fetch/download_all.ts": "fetch/fetch_sources_test.ts",
  "fetch/extra_file.ts": "fetch/fetch_image_test.ts",
  "fetch/open_range.ts": "fetch/fetch_sources_test.ts",
  "fetch/piece_list.ts": "fetch/fetch_sources_test.ts",
  "fetch/pieced_download.ts": "fetch/fetch_sources_test.ts",
  "fetch/present_files.ts": "fetch/fetch_image_test.ts",
  "fetch/whole_download.ts": "fetch/fetch_sources_test.ts",
  "http/status/status_page_assets.ts":
    "http/status/status_page_browser_test.ts",
  "manifest/artifact_paths.ts":
    "manifest/boot_manifest_test.ts, manifest/issue_manifest_test.ts",
  "mirror/fetch_release.ts":
    "mirror/mirrored_image_test.ts, e2e/mirror_command_test.ts",
  "mirror/keep_trust.ts": "e2e/mirror_chain_test.ts",
  "mirror/mirror.ts": "e2e/mirror_command_test.ts",
  "net/dhcp/message.ts": "constants",
  "net/dhcp/network.ts": "constants, and a port: the twin of pxe/ tests is one",
  "net/dhcp/system_network.ts": "e2e/pxe_answers_test.ts",
  "net/dht/internal/dialling.ts":
    "settings: net/dht/node_test.ts dials by them",
  "net/dht/announce_outcome.ts": "a constant",
  "net/dht/internal/membership.ts":
    "net/dht/node_test.ts, net/dht/internal/watch_peers_test.ts",
  "net/dht/internal/stranger.ts":
    "settings: net/dht/client_test.ts asks by them",
  "net/dht/internal/nearest_peers.ts":
    "net/dht/node_test.ts, over real connections; whom it tells of is spread()",
  "core/property_of.ts": "a line",
  "net/dht/internal/serve_requests.ts":
    "net/dht/internal/libp2p_test.ts: what strangers may send",
  "net/http1/reply_body.ts": "net/http1/reply_test.ts, net/http1/get_test.ts",
  "net/http1/reply_input.ts": "net/http1/reply_test.ts",
  "net/mdns/record_ttls.ts": "constants",
  "net/mdns/socket.ts": "a port: net/mdns/system_network_test.ts holds to it",
  "provider/boot_warnings.ts": "provider/image_library_files_test.ts",
  "provider/open_pxe.ts": "e2e/pxe_answers_test.ts",
  "provider/served_image.ts": "provider/image_library_test.ts",
  "scan/arch_directories.ts": "scan/scan_available_test.ts",
  "scan/scan_look.ts": "scan/scan_memory_test.ts, scan/image_tree_test.ts",
  "scan/describe_directory.ts":
    "scan/read_image_test.ts, cli/scan_report_test.ts",
  "scan/image_listing.ts": "scan/read_image_test.ts, file by file",
  "scan/image_notes.ts": "scan/read_image_test.ts: cmdline and version",
  "scan/private_keys.ts": "scan/read_image_test.ts: what is never published",
  "scan/role_names.ts": "scan/distribution_layouts_test.ts, row by row",
  "scan/select_files.ts": "scan/read_image_test.ts, scan/image_toml_test.ts",
  "provider/serve.ts": "e2e/serve_and_discover_test.ts, e2e/lifecycle_test.ts",
};

const ROOT = new URL("../../", import.meta.url).pathname;

/** All modules below a folder, as paths from there. */
async function modulesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}${folder}`)) {
    if (isDirectory) {
      const below = await modulesIn(`${folder}/${name}`);
      found.push(...below.map((path) => `${name}/${path}`));
    } else if (name.endsWith(".ts")) found.push(name);
  }
  return found;
}

/** Whether something is there when the program runs. */
async function hasValues(path: string): Promise<boolean> {
  const source = await Deno.readTextFile(`${ROOT}lib/${path}`);
  return /^export (?:async |abstract )?(?:function|class|const)/m.test(source);
}

Deno.test("every module of lib has a test of its name, or a reason why not", async () => {
  const tests = new Set(await modulesIn("tests"));
  const modules = await modulesIn("lib");
  const untested: string[] = [];
  for (const path of modules) {
    const isTested = tests.has(path.replace(/\.ts$/, "_test.ts"));
    if (!isTested && await hasValues(path)) untested.push(path);
  }
  assert.deepEqual(untested.sort(), Object.keys(EXCEPTIONS).sort());
});

Deno.test("the tests that stand for those of a module are there", async () => {
  const tests = new Set(await modulesIn("tests"));
  for (const [path, reason] of Object.entries(EXCEPTIONS)) {
    for (const [test] of reason.matchAll(/[a-z0-9_/]+_test\.ts/g)) {
      assert.ok(tests.has(test), `${path}: ${test}`);
    }
  }
});
