import assert from "node:assert/strict";
import { join } from "node:path";
import {
  fetchFound,
  type FetchRun,
  type Found,
} from "../../lib/cli/fetch_found.ts";
import { parseCommandLine } from "../../lib/config/command_line.ts";
import { DISCOVER_PROGRAM } from "../../lib/config/discover_options.ts";
import { systemClock } from "../../lib/core/clock.ts";
import type { Provider } from "../../lib/discover/provider.ts";
import {
  type BlobServer,
  blobsOf,
  openBlobServer,
  sha256Hex,
} from "../support/blob_server.ts";
import { candidate, verified } from "../support/memory_source.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { temporaryDirectory } from "../support/programs.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const { signal } = new AbortController();
const OLD = new TextEncoder().encode("the old kernel");
const NEW = new TextEncoder().encode("the new kernel");

/** Who promises a kernel at a server, whether it is there or not. */
function provider(
  { url }: BlobServer,
  kernel: Uint8Array,
  manifestVersion = 1,
): Provider {
  const sha256 = sha256Hex(kernel);
  const { manifest, ...rest } = verified({
    manifestVersion,
    contentSha256: sha256,
  });
  return {
    ...rest,
    candidate: candidate(url.host),
    elapsedMs: 1,
    manifest: {
      ...manifest,
      manifestVersion,
      kernel: { ...manifest.kernel, sha256, sizeBytes: kernel.length },
    },
  };
}

function found(first: Provider | undefined, ...further: Provider[]): Found {
  return {
    result: {
      providers: first === undefined ? [] : [first],
      ...{ refused: [], unanswered: [], others: [], problems: [] },
      isTimeUp: false,
    },
    follow: (onFurther) => further.forEach(onFurther),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function fetchInto(
  directory: string,
  first: Found,
  changes: Partial<FetchRun> = {},
) {
  const invocation = parseCommandLine(
    ["--fetch", directory, "--insecure", "--format", "json"],
    DISCOVER_PROGRAM,
  );
  assert.ok(invocation.kind === "run");
  const logger = new MemoryLogger();
  const report = await fetchFound(first, {
    ...{ values: invocation.values, directory, image: IMAGE, logger },
    trust: { stillTrusts: () => true },
    ...{ authorities: undefined, status: undefined, logEvent: undefined },
    ...{ clock: systemClock, deadlineMs: undefined },
    findAgain: () => assert.fail("it was there"),
    ...changes,
  }, { signal });
  const kernel = join(directory, "stable/arm64/vmlinuz");
  return {
    ...report,
    logger,
    result: JSON.parse(report.stdout[0] ?? ""),
    kernel: await Deno.readTextFile(kernel).catch(() => undefined),
  };
}

Deno.test("fetchFound() asks those who have the same content, and nobody else", async () => {
  await using directory = await temporaryDirectory();
  await using silent = openBlobServer({
    files: blobsOf(OLD),
    misbehave: () => ({ silentAfterBytes: 0 }),
  });
  await using same = openBlobServer({ files: blobsOf(OLD) });
  await using other = openBlobServer({ files: blobsOf(NEW) });
  const { exitCode, kernel, result } = await fetchInto(
    directory.path,
    found(
      provider(silent, OLD),
      provider(other, NEW, 2),
      // Renewed: the same content under another manifest.
      provider(same, OLD, 1),
    ),
  );
  assert.equal(exitCode, 0);
  assert.equal(kernel, "the old kernel");
  assert.equal(result.fetched, true);
  assert.equal(other.requests.length, 0);
});

Deno.test("fetchFound() looks once more where nobody has a file, and never takes an older image", async () => {
  await using empty = openBlobServer({ files: new Map() });
  await using full = openBlobServer({ files: blobsOf(OLD, NEW) });
  const again = async (found_: Found) => {
    await using directory = await temporaryDirectory();
    let searches = 0;
    const { exitCode, kernel, logger } = await fetchInto(
      directory.path,
      found(provider(empty, OLD, 5)),
      {
        findAgain: () => {
          searches++;
          return Promise.resolve(found_);
        },
      },
    );
    assert.equal(searches, 1);
    assert.match(logger.lines.join("\n"), /; looking for it once more$/m);
    return [exitCode, kernel];
  };
  const newer = found(provider(full, NEW, 6));
  assert.deepEqual(await again(newer), [0, "the new kernel"]);
  assert.deepEqual(await again(found(provider(full, OLD, 5))), [
    ...[0, "the old kernel"],
  ]);
  for (
    const none of [
      found(provider(full, OLD, 4)),
      found(undefined),
      found(provider(empty, NEW, 6)),
    ]
  ) assert.deepEqual(await again(none), [5, undefined]);
});

Deno.test("fetchFound() stops what is signed by keys that another provider shows to be succeeded", async () => {
  await using directory = await temporaryDirectory();
  await using thief = openBlobServer({
    files: blobsOf(OLD),
    misbehave: () => ({ silentAfterBytes: 3 }),
  });
  await using honest = openBlobServer({ files: blobsOf(NEW) });
  const stolen = provider(thief, OLD, 7);
  const right = provider(honest, NEW, 7);
  const { exitCode, kernel, logger } = await fetchInto(
    directory.path,
    found(stolen, right),
    {
      trust: { stillTrusts: (verified) => verified !== stolen },
      findAgain: () => Promise.resolve(found(right)),
      deadlineMs: systemClock.monotonic() + 20_000,
    },
  );
  assert.equal(exitCode, 0);
  assert.equal(kernel, "the new kernel");
  assert.match(logger.lines[0] ?? "", /keys that have been succeeded/);
});

Deno.test("fetchFound() says by when it was to be done, and does not begin anew", async () => {
  await using directory = await temporaryDirectory();
  await using silent = openBlobServer({
    files: blobsOf(OLD),
    misbehave: () => ({ silentAfterBytes: 3 }),
  });
  const { exitCode, result, messages } = await fetchInto(
    directory.path,
    found(provider(silent, OLD)),
    { deadlineMs: systemClock.monotonic() + 200 },
  );
  assert.equal(exitCode, 5);
  assert.equal(result.cause, "timeout");
  assert.deepEqual(messages, [result.error]);
  assert.match(result.error, /time is up/);
});
