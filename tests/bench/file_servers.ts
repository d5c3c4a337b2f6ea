import { join } from "node:path";
import { reasonOf } from "./part.ts";
import { freePort, lacks, output, untilListening } from "./processes.ts";

/** A server of files that runs beside ours. */
export interface FileServer extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** How a server is made ready for a directory, and started. */
interface Recipe {
  readonly name: string;
  /** @returns the command that stays in the foreground, or why there is none */
  prepare(
    place: { readonly directory: string; root: string; port: number },
  ): Promise<readonly [string, ...string[]] | string>;
}

const NGINX: Recipe = {
  name: "nginx",
  async prepare({ directory, root, port }) {
    const why = await lacks("nginx");
    if (why !== undefined) return why;
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${directory}/${name};`).join(" ");
    const file = join(directory, "nginx.conf");
    await Deno.writeTextFile(
      file,
      `daemon off; master_process off; pid ${directory}/pid;
error_log ${directory}/error.log;
events { worker_connections 1024; }
http {
  sendfile on; tcp_nopush on; access_log off; ${temporary}
  keepalive_requests 1000000;
  types { application/json json; } default_type application/octet-stream;
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`,
    );
    return ["nginx", "-c", file, "-e", "stderr"];
  },
};

const LIGHTTPD: Recipe = {
  name: "lighttpd",
  async prepare({ directory, root, port }) {
    const why = await lacks("lighttpd");
    if (why !== undefined) return why;
    const file = join(directory, "lighttpd.conf");
    await Deno.writeTextFile(
      file,
      `server.document-root = "${root}"
server.bind = "127.0.0.1"
server.port = ${port}
server.errorlog = "${directory}/error.log"
server.max-keep-alive-requests = 1000000
server.network-backend = "sendfile"
mimetype.assign = (".json" => "application/json", "" => "application/octet-stream")
`,
    );
    return ["lighttpd", "-D", "-f", file];
  },
};

const CADDY_PACKAGE = "github.com/caddyserver/caddy/v2/cmd/caddy@v2.9.1";
const CADDY_SECONDS = 150;

const CADDY: Recipe = {
  name: "caddy",
  async prepare({ directory, root, port }) {
    const program = await caddyProgram();
    if ("why" in program) return program.why;
    const file = join(directory, "Caddyfile");
    await Deno.writeTextFile(
      file,
      `{
	admin off
	auto_https off
	persist_config off
}
http://:${port} {
	bind 127.0.0.1
	root * ${root}
	file_server
}
`,
    );
    return [
      ...["env", `HOME=${directory}`, `XDG_DATA_HOME=${directory}`] as const,
      ...[program.path, "run", "--config", file, "--adapter", "caddyfile"],
    ];
  },
};

/** Made once, by Go; what was compiled of it stays in Go's cache. */
async function caddyProgram(): Promise<{ path: string } | { why: string }> {
  if (await lacks("caddy") === undefined) return { path: "caddy" };
  const directory = new URL("../../dist/bench", import.meta.url).pathname;
  const path = join(directory, "caddy");
  if (await lacks(path) === undefined) return { path };
  if (await lacks("go") !== undefined) return { why: "neither caddy nor Go" };
  try {
    await Deno.mkdir(directory, { recursive: true });
    const install = ["go", "install", CADDY_PACKAGE] as const;
    await output(["timeout", String(CADDY_SECONDS), ...install], {
      env: { GOBIN: directory, GOFLAGS: "-mod=mod" },
    });
    return { path };
  } catch (error) {
    return {
      why: `not made by Go within ${CADDY_SECONDS} s: ${reasonOf(error)}`,
    };
  }
}

/** Servers by name, and why others are not there. */
export interface FileServers extends AsyncDisposable {
  readonly servers: ReadonlyMap<string, FileServer>;
  readonly skipped: Readonly<Record<string, string>>;
}

/** Starts all that can be had, for the files below a directory. */
export async function startFileServers(
  directory: string,
  root: string,
): Promise<FileServers> {
  const servers = new Map<string, FileServer>();
  const skipped: Record<string, string> = {};
  for (const recipe of [NGINX, LIGHTTPD, CADDY]) {
    const own = join(directory, recipe.name);
    await Deno.mkdir(own);
    const port = freePort();
    const command = await recipe.prepare({ directory: own, root, port });
    if (typeof command === "string") skipped[recipe.name] = command;
    else {
      const server = await startServer(command, port).catch(reasonOf);
      if (typeof server === "string") skipped[recipe.name] = server;
      else servers.set(recipe.name, server);
    }
  }
  return {
    servers,
    skipped,
    async [Symbol.asyncDispose]() {
      for (const server of servers.values()) {
        await server[Symbol.asyncDispose]();
      }
    },
  };
}

async function startServer(
  [program, ...args]: readonly [string, ...string[]],
  port: number,
): Promise<FileServer> {
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const stop = async () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended.
    }
    await child.status;
  };
  try {
    await untilListening(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, pid: child.pid, [Symbol.asyncDispose]: stop };
}
