/** The status page of a provider in Chromium, where there is one. */
import assert from "node:assert/strict";
import { systemClock } from "../../lib/core/clock.ts";
import { type HttpServer, openHttpServer } from "../../lib/net/http1/server.ts";
import { type BrowserPage, findChromium } from "./chromium.ts";
import type { HttpFixture } from "./http_fixture.ts";
import { MemoryLogger } from "./memory_logger.ts";

/** Where it is. */
export const chromium = await findChromium();
/** Says why a test is skipped. */
export const skipped = chromium === undefined
  ? " (skipped: no Chromium here)"
  : "";

/** Where the screenshots of a run go, for people to look at. */
const screenshots = Deno.env.get("SCREENSHOTS");

/** Serves it, with a download that is under way. */
export async function openPageServer(
  fixture: HttpFixture,
): Promise<HttpServer> {
  const server = openHttpServer({
    handler: fixture.handler,
    hostname: "127.0.0.1",
    port: 0,
    clock: systemClock,
    logger: new MemoryLogger(),
    signal: new AbortController().signal,
  });
  const base = `http://127.0.0.1:${server.port}`;
  await (await fetch(`${base}/stable/arm64/kernel`)).bytes();
  return server;
}

/** Keeps a screenshot, where the run asks for it. */
export async function keepScreenshot(
  page: BrowserPage,
  name: string,
): Promise<void> {
  if (screenshots === undefined) return;
  await Deno.writeFile(`${screenshots}/${name}.png`, await page.screenshot());
}

/** Waits until an expression is true there. */
export async function until(
  page: BrowserPage,
  expression: string,
): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    if (await page.evaluate(expression) === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`never true in the page: ${expression}`);
}

/** Whether all of it is as wide as the window. */
export const FITS = "document.documentElement.scrollWidth <= innerWidth";
