/**
 * `plasmd serve` behind nginx, which has it below a path: every URL that a boot
 * script names leads through the proxy to the bytes that it promises.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { sha256Hex } from "../support/memory_catalog.ts";
import { start, temporaryDirectory } from "../support/programs.ts";

const NGINX = "nginx";
const ROOTFS = "a file system";

async function runs(program: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program, {
      args: ["-v"],
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const isInstalled = await runs(NGINX);

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** nginx that has `/plasm/` lead to the root of another server. */
async function startProxy(
  directory: string,
  { port, backend }: { readonly port: number; readonly backend: number },
): Promise<AsyncDisposable> {
  const config = join(directory, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${directory}/${name};`).join(" ");
  await Deno.writeTextFile(
    config,
    `daemon off; master_process off; pid ${directory}/pid;
events {}
http {
  access_log off; ${temporary}
  server {
    listen 127.0.0.1:${port};
    location /plasm/ { proxy_pass http://127.0.0.1:${backend}/; }
  }
}
`,
  );
  const child = new Deno.Command(NGINX, {
    args: ["-c", config, "-e", "stderr"],
    stderr: "inherit",
  }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

/** Asks until the proxy is there. */
async function ask(url: string): Promise<Response> {
  for (let tries = 0;; tries++) {
    try {
      const response = await fetch(url);
      if (response.ok) return response;
      const error = await response.text();
      assert.fail(`${url}: ${response.status} ${error}`);
    } catch (error) {
      if (!(error instanceof TypeError) || tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

Deno.test({
  name: `boot scripts lead through a proxy that has us below a path${
    isInstalled ? "" : " (skipped: nginx is not installed)"
  }`,
  ignore: !isInstalled,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory());
    const image = join(path, "artifacts/stable/x86_64");
    await Deno.mkdir(image, { recursive: true });
    const files = {
      vmlinuz: "a kernel",
      "initramfs.img": "an initramfs",
      "rootfs.squashfs": ROOTFS,
      cmdline: "root={url}/rootfs sum={sha256:rootfs}",
    };
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeTextFile(join(image, name), content);
    }
    const [port, backend] = [freePort(), freePort()];
    const proxied = `http://127.0.0.1:${port}/plasm`;
    const provider = stack.use(start("plasmd", [
      ...["serve", "--artifacts", join(path, "artifacts")],
      ...["--state-dir", join(path, "state"), "--no-dht", "--no-mdns"],
      ...["--bind", "127.0.0.1", "--port", String(backend)],
      ...["--advertise-url", proxied],
    ]));
    await provider.line(/Found 1/);
    stack.use(await startProxy(path, { port, backend }));
    const menu = await ask(`${proxied}/boot.ipxe`);
    assert.match(await menu.text(), /^item stable /m);
    const scriptUrl = new URL(
      "stable/x86_64/boot.ipxe",
      `${proxied}/boot.ipxe`,
    );
    const script = await (await ask(scriptUrl.href)).text();
    // iPXE resolves what a script names against the script's own URL.
    const loads = [...script.matchAll(/^(?:kernel|initrd) --name \S+ (\S+)/gm)];
    const contents = await Promise.all(loads.map(async ([, reference = ""]) => {
      assert.doesNotMatch(reference, /^\//);
      return await (await ask(new URL(reference, scriptUrl).href)).text();
    }));
    assert.deepEqual(contents, [files.vmlinuz, files["initramfs.img"]]);
    // GRUB puts paths behind where its configuration came from.
    const config = await (await ask(`${proxied}/stable/x86_64/grub.cfg`))
      .text();
    const places = [...config.matchAll(/"\$image\/([^"]*)"/g)];
    assert.deepEqual(places.map(([, place]) => place), ["kernel", "initramfs"]);
    for (const [, place] of places) {
      await (await ask(`${proxied}/stable/x86_64/${place}`)).body?.cancel();
    }
    for (const text of [script, config]) {
      const root = /\broot=([^' ]+)/.exec(text)?.[1];
      assert.equal(root, `${proxied}/stable/x86_64/rootfs`);
      const bytes = await (await ask(root)).bytes();
      assert.equal(new TextDecoder().decode(bytes), ROOTFS);
      assert.ok(text.includes(`sum=${await sha256Hex(bytes)}`));
    }
  },
});
