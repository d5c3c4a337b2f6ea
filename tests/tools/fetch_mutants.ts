import type { Mutant } from "./mutant.ts";

const IMAGE = ["fetch/fetch_image_test.ts"];
const SOURCES = ["fetch/fetch_sources_test.ts"];
const JUDGE = ["fetch/judge_reply_test.ts"];

/** What stands between a source and the files that a box boots. */
export const FETCH_MUTANTS: readonly Mutant[] = [
  {
    attack: "fetchImage() drops a source at its first wrong piece",
    file: "fetch/pieced_download.ts",
    check: "isRight = list.matches(piece, hash.digest());",
    removed: "isRight = true;",
    tests: SOURCES,
  },
  {
    attack: "fetchImage() goes on after it was stopped",
    file: "fetch/pieced_download.ts",
    check: "if (list.matches(piece, hash.digest())) {",
    removed: "if (true) {",
    tests: SOURCES,
  },
  {
    attack: "fetchImage() drops a source that sends another file",
    file: "fetch/whole_download.ts",
    check: 'this.#hash.digest("hex") === this.blob.sha256;',
    removed: "true;",
    tests: SOURCES,
  },
  {
    attack: "fetchImage() drops a source that sends another file",
    file: "fetch/whole_download.ts",
    check: "await incoming.read(new Uint8Array(1)) !== null;",
    removed: "false;",
    tests: SOURCES,
  },
  {
    attack: "fetchImage() drops a source that sends another file",
    file: "fetch/piece_list.ts",
    check: 'createHash("sha256").update(bytes).digest("hex") === sha256;',
    removed: "true;",
    tests: SOURCES,
  },
  {
    attack: "fetchImage() takes no other file for its own",
    file: "fetch/open_range.ts",
    check: "if (isOfAnother(actual, blob)) {",
    removed: "if (false) {",
    tests: SOURCES,
  },
  {
    attack: "fetchImage() finds a file by its URLs",
    file: "fetch/open_range.ts",
    check: "if (url?.origin !== source.manifestUrl.origin) continue;",
    removed: "if (url === null) continue;",
    tests: IMAGE,
  },
  {
    attack: "fetchImage() asks for nothing that is there and matches",
    file: "fetch/present_files.ts",
    check:
      "if (await sha256Of([path], this.#disk, bounds) !== sha256) continue;",
    removed: "",
    tests: IMAGE,
  },
  {
    attack: "fetchImage() leaves files alone that it has not fetched",
    file: "fetch/work_directory.ts",
    check: "present.length > 0 && !present.includes(MANIFEST)",
    removed: "false",
    tests: IMAGE,
  },
  {
    attack: "judgeReply() follows to the same host alone",
    file: "fetch/judge_reply.ts",
    check: "target?.host === url.host && /^https?:$/.test(target.protocol)",
    removed: "target !== null",
    tests: JUDGE,
  },
  {
    attack: "judgeReply() takes the whole",
    file: "fetch/judge_reply.ts",
    check: "length === undefined || Number(length) === sizeBytes",
    removed: "true",
    tests: JUDGE,
  },
  ...[
    [
      "looks once more",
      "other.manifest.manifestVersion < provider.manifest.manifestVersion",
      "false",
    ],
    [
      "stops what is signed by keys",
      "if (!trust.stillTrusts(provider))",
      "if (false)",
    ],
  ].map(([attack = "", check = "", removed = ""]) => ({
    attack: `fetchFound() ${attack}`,
    file: "cli/fetch_found.ts",
    check,
    removed,
    tests: ["cli/fetch_found_test.ts"],
  })),
  {
    attack: "fetchFound() asks those who have the same content",
    file: "fetch/source_state.ts",
    check: "one.contentSha256 === contentSha256",
    removed: "true",
    tests: ["cli/fetch_found_test.ts"],
  },
  {
    attack: "checkFetchOptions() asks whom to trust",
    file: "config/discover_options.ts",
    check: "if (insecure || key.length > 0 || trust !== undefined) return;",
    removed: "return;",
    tests: ["config/discover_options_test.ts"],
  },
  {
    attack: "reportFetched() is safe to evaluate",
    file: "cli/fetch_report.ts",
    check: "return /^[\\w@%+:,./=-]*$/.test(value)",
    removed: "return true",
    tests: ["cli/fetch_report_test.ts"],
  },
];
