import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { start, temporaryDirectory } from "../support/programs.ts";
import { programCommand } from "../support/shipped_programs.ts";
import { OURS, type Part, takeTurns, timed } from "./part.ts";
import { output } from "./processes.ts";

const EMPTY = "empty Deno program";

/** How soon the programs, as bundled files, are up, beside an empty one. */
export const startPart: Part = {
  name: "start",
  budgetSeconds: 20,
  async run(limit) {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await Deno.writeTextFile(join(path, "empty.js"), "");
    await makeFiles(path, { "artifacts/bench/arm64/vmlinuz": 1 << 16 });
    const empty = () =>
      timed(() =>
        output([Deno.execPath(), "run", "--no-config", join(path, "empty.js")])
      );
    const version = (program: "plasmd" | "phase_discover") => () =>
      timed(() => output([...programCommand(program), "--version"]));
    const served = () =>
      timed(async () => {
        await using provider = start("plasmd", [
          ...["serve", "--artifacts", join(path, "artifacts")],
          ...["--channel", "bench", "--arch", "arm64", "--no-dht"],
          ...["--no-mdns", "--interface", "lo", "--port", "0"],
          ...["--state-dir", join(path, "state")],
        ]);
        await provider.line(/Serving bench\/arm64/);
        await provider.end("SIGKILL");
      });
    return await takeTurns([
      {
        name: "phase_discover --version",
        unit: "ms",
        programs: { [OURS]: version("phase_discover"), [EMPTY]: empty },
      },
      {
        name: "plasmd --version",
        unit: "ms",
        programs: { [OURS]: version("plasmd"), [EMPTY]: empty },
      },
      {
        name: "plasmd serve until an image is served",
        unit: "ms",
        programs: { [OURS]: served, [EMPTY]: empty },
      },
    ], limit);
  },
};
