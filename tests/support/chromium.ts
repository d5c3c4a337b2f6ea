/** A headless Chromium, steered by its DevTools protocol. */
export interface Browser extends AsyncDisposable {
  /** Opens a page and waits until it has loaded. */
  open(url: string, view?: BrowserView): Promise<BrowserPage>;
}

/** How a page is looked at. */
export interface BrowserView {
  /** In CSS pixels. */
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
  /** Whether scripts run. */
  readonly javaScript?: boolean;
}

/** A page that is open. */
export interface BrowserPage {
  /** Evaluates an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** PNG. */
  screenshot(): Promise<Uint8Array>;
  /** Console errors, refused loads and violated policies so far. */
  readonly complaints: readonly string[];
}

const COMMANDS = ["chromium", "chromium-browser", "google-chrome"];

/** The command that starts Chromium here, if there is one. */
export async function findChromium(): Promise<string | undefined> {
  for (const command of COMMANDS) {
    const works = await new Deno.Command(command, { args: ["--version"] })
      .output().then(({ success }) => success, () => false);
    if (works) return command;
  }
  return undefined;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Starts it with an empty profile; disposing of it leaves nothing behind. */
export async function startChromium(command: string): Promise<Browser> {
  const profile = await Deno.makeTempDir();
  const child = new Deno.Command(command, {
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"],
      ...["--disable-background-networking", "--disable-dev-shm-usage"],
      ...["--remote-debugging-port=0", `--user-data-dir=${profile}`],
      "about:blank",
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const devTools = await DevTools.connect(await debuggerUrl(profile));
  return {
    open: (url, view) => openPage(devTools, url, view),
    async [Symbol.asyncDispose]() {
      await devTools.closeBrowser();
      await child.status;
      await Deno.remove(profile, { recursive: true });
    },
  };
}

/** The Chrome DevTools Protocol over its WebSocket. */
class DevTools {
  readonly #socket: WebSocket;
  readonly #replies = new Map<number, (message: Message) => void>();
  readonly #listeners = new Set<(message: Message) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const message: Message = JSON.parse(String(data));
      if (message.id !== undefined) this.#replies.get(message.id)?.(message);
      else for (const listener of this.#listeners) listener(message);
    };
  }

  static async connect(url: string): Promise<DevTools> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return new DevTools(socket);
  }

  listen(listener: (message: Message) => void): void {
    this.#listeners.add(listener);
  }

  async call(
    method: string,
    params: Record<string, unknown>,
    sessionId?: string,
  ): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Message>();
    this.#replies.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    const { result, error } = await promise;
    this.#replies.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  async closeBrowser(): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    await this.call("Browser.close", {});
    await closed;
  }
}

async function openPage(
  devTools: DevTools,
  url: string,
  { width = 1200, height = 900, colorScheme = "light", javaScript = true }:
    BrowserView = {},
): Promise<BrowserPage> {
  const { targetId } = await devTools.call("Target.createTarget", {
    url: "about:blank",
  });
  const { sessionId } = await devTools.call("Target.attachToTarget", {
    targetId,
    flatten: true,
  });
  const session = String(sessionId);
  const call = (method: string, params: Record<string, unknown>) =>
    devTools.call(method, params, session);
  const complaints: string[] = [];
  const loaded = Promise.withResolvers<void>();
  devTools.listen((message) => {
    if (message.sessionId !== session) return;
    if (message.method === "Page.loadEventFired") loaded.resolve();
    const complaint = complaintIn(message);
    if (complaint !== undefined) complaints.push(complaint);
  });
  for (const domain of ["Page", "Runtime", "Log"]) {
    await call(`${domain}.enable`, {});
  }
  const mobile = width < 600;
  await call("Emulation.setDeviceMetricsOverride", {
    ...{ width, height, deviceScaleFactor: 1, mobile },
  });
  await call("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: colorScheme }],
  });
  await call("Emulation.setScriptExecutionDisabled", { value: !javaScript });
  await call("Page.navigate", { url });
  await loaded.promise;
  return {
    complaints,
    async evaluate(expression) {
      const { result } = await call("Runtime.evaluate", {
        ...{ expression, awaitPromise: true, returnByValue: true },
      });
      return typeof result === "object" && result !== null && "value" in result
        ? result.value
        : undefined;
    },
    async screenshot() {
      const { data } = await call("Page.captureScreenshot", {});
      return Uint8Array.fromBase64(String(data));
    },
  };
}

/** Chromium writes the port it took, and the path, into its profile. */
async function debuggerUrl(profile: string): Promise<string> {
  for (let tries = 0; tries < 300; tries++) {
    const text = await Deno.readTextFile(`${profile}/DevToolsActivePort`)
      .catch(() => "");
    const [port, path] = text.split("\n");
    if (path) return `ws://127.0.0.1:${port}${path}`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("Chromium did not start within 30 s");
}

function complaintIn({ method, params }: Message): string | undefined {
  if (method === "Runtime.exceptionThrown") return JSON.stringify(params);
  if (method === "Log.entryAdded" || method === "Runtime.consoleAPICalled") {
    const text = JSON.stringify(params);
    return /"(level|type)":"(error|warning)"/.test(text) ? text : undefined;
  }
  return undefined;
}
