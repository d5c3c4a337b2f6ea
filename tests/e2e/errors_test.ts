import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { run, temporaryDirectory } from "../support/programs.ts";

/** Each gives one clear line, exit code 2 and no stack trace. */
const MISTAKES: readonly (readonly [
  name: string,
  program: "plasmd" | "phase_discover",
  args: (root: string) => string[],
  says: RegExp,
])[] = [
  [
    "a missing artifacts directory",
    "plasmd",
    (root) => ["serve", "--artifacts", join(root, "none"), "--port", "0"],
    /none".*--artifacts.*deno task demo/,
  ],
  [
    "garbage TOML",
    "plasmd",
    (root) => ["serve", "--config", join(root, "garbage.toml")],
    /garbage\.toml" line 1/,
  ],
  [
    "a missing config file",
    "plasmd",
    (root) => ["serve", "--config", join(root, "none.toml")],
    /none\.toml/,
  ],
  [
    "an unknown option",
    "plasmd",
    () => ["serve", "--artifcats", "x"],
    /--artifcats.*--artifacts/,
  ],
  [
    "an unknown option of the client",
    "phase_discover",
    () => ["--chanel", "x"],
    /--chanel.*--channel/,
  ],
  ["an unknown command", "plasmd", () => ["sreve"], /sreve.*serve/],
  [
    "a garbage multiaddr",
    "plasmd",
    () => ["serve", "--bootstrap", "garbage"],
    /--bootstrap "garbage"/,
  ],
  [
    "a garbage multiaddr of the client",
    "phase_discover",
    () => ["--bootstrap", "/ip4/1.2.3.4/udp/1"],
    /--bootstrap/,
  ],
  [
    "a missing trust file",
    "phase_discover",
    (root) => ["--trust", join(root, "none.toml")],
    /Cannot read ".*none\.toml": it does not exist$/m,
  ],
  [
    "a trust file with a mistake",
    "phase_discover",
    (root) => ["--trust", join(root, "trust.toml")],
    /trust\.toml": key is not .*did you mean keys/,
  ],
  [
    "a key file that is missing",
    "phase_discover",
    (root) => ["--key", join(root, "none.pem")],
    /none\.pem": there is no such file, and it is not a public key/,
  ],
  [
    "a threshold that no keys go with",
    "phase_discover",
    () => ["--threshold", "2"],
    /--threshold 2 without --key/,
  ],
  [
    "a damaged state file",
    "phase_discover",
    (root) => ["--state", join(root, "garbage.toml"), "--key", "2".repeat(64)],
    /garbage\.toml": .*delete it to start over/,
  ],
  [
    "a state directory below a file",
    "plasmd",
    (root) => [
      ...["serve", "--artifacts", root, "--port", "0", "--interface", "lo"],
      ...["--state-dir", join(root, "garbage.toml/state")],
    ],
    /Cannot make directory ".*garbage\.toml\/state": /,
  ],
  [
    "a configuration that is a link to itself",
    "plasmd",
    (root) => ["serve", "--config", join(root, "loop")],
    /Cannot use config ".*loop": its symbolic links form a loop$/m,
  ],
  [
    "a signing key that is a link to itself",
    "plasmd",
    (root) => [
      ...["serve", "--artifacts", root, "--port", "0", "--interface", "lo"],
      ...["--signing-key", join(root, "loop")],
    ],
    /Cannot use signing key ".*loop": its symbolic links form a loop$/m,
  ],
  [
    "a public key that is a link to itself",
    "phase_discover",
    (root) => ["--key", join(root, "loop")],
    /Cannot use public key ".*loop": .*its symbolic links form a loop$/m,
  ],
  [
    "an unsafe channel",
    "phase_discover",
    () => ["--channel", "../etc"],
    /"\.\.\/etc"/,
  ],
];

for (const [name, program, args, says] of MISTAKES) {
  Deno.test(`${program} says what is wrong with ${name}`, async () => {
    await using directory = await temporaryDirectory();
    await makeFiles(directory.path, {
      "garbage.toml": "]]] ===",
      "trust.toml": 'key = ["x"]',
    });
    await Deno.symlink("loop", join(directory.path, "loop"));
    const { code, stdout, stderr } = await run(
      program,
      args(directory.path),
      { env: { XDG_STATE_HOME: directory.path } },
    );
    assert.equal(code, 2, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /^\s+at |Uncaught|unhandled/im);
  });
}

Deno.test("plasmd serve says that its port is busy, and which option takes another", async () => {
  await using directory = await temporaryDirectory();
  await makeFiles(directory.path, { "artifacts/stable/arm64/vmlinuz": 10 });
  using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, stderr } = await run("plasmd", [
    ...["serve", "--artifacts", join(directory.path, "artifacts")],
    ...["--interface", "lo", "--port", String(busy.addr.port)],
    ...["--state-dir", join(directory.path, "state")],
  ]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, new RegExp(`${busy.addr.port}.*--port`));
  assert.doesNotMatch(stderr, /^\s+at /m);
});

Deno.test("phase_discover without anybody to ask ends at once and says whom to name", async () => {
  const { code, stderr } = await run("phase_discover", ["--mode", "wan"]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /--bootstrap/);
});

Deno.test("phase_discover says which DHT node cannot be reached, and why", async () => {
  const { code, stderr } = await run("phase_discover", [
    ...["--mode", "wan", "--timeout", "2"],
    ...["--bootstrap", "/ip4/127.0.0.1/tcp/1"],
  ]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /\/ip4\/127\.0\.0\.1\/tcp\/1/);
  assert.doesNotMatch(stderr, /^\s+at /m);
});
