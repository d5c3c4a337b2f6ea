import assert from "node:assert/strict";
import { type BrowserPage, startChromium } from "../../support/chromium.ts";
import {
  busyProvider,
  type HttpFixture,
  httpFixture,
} from "../../support/http_fixture.ts";
import {
  chromium,
  FITS,
  keepScreenshot,
  openPageServer,
  skipped,
  until,
} from "../../support/page_in_browser.ts";

function pageTest(
  name: string,
  body: (
    open: () => Promise<BrowserPage>,
    fixture: HttpFixture,
  ) => Promise<void>,
): void {
  Deno.test({
    name: `${name}${skipped}`,
    ignore: chromium === undefined,
    async fn() {
      const fixture = await httpFixture();
      fixture.status = busyProvider();
      await using server = await openPageServer(fixture);
      await using browser = await startChromium(chromium ?? "");
      const url = `http://127.0.0.1:${server.port}/`;
      await body(() => browser.open(url), fixture);
    },
  });
}

pageTest("the page changes nothing but what differs", async (open, fixture) => {
  const [stable] = fixture.catalog.images();
  const page = await open();
  await until(page, "document.body.innerText.includes('live')");
  await page.evaluate(`
    window.changed = [];
    new MutationObserver((records) => {
      for (const { type, target } of records) {
        changed.push(type + " " + target.nodeName + " " + target.nodeValue);
      }
    }).observe(document.querySelector("main"), {
      subtree: true, childList: true, attributes: true, characterData: true,
    });
    document.querySelector(".matrix").marked = true;
    document.getSelection().selectAllChildren(
      document.querySelector(".matrix a"));
  `);
  fixture.status = { ...busyProvider(), warnings: ["one more warning"] };
  await until(page, "document.body.innerText.includes('one more warning')");
  assert.deepEqual(
    await page.evaluate("changed.filter((line) => !/ ago|up /.test(line))"),
    ["characterData #text one more warning"],
  );
  assert.equal(
    await page.evaluate("document.querySelector('.matrix').marked"),
    true,
  );
  assert.equal(
    await page.evaluate("document.getSelection().toString()"),
    stable?.version,
  );
  assert.deepEqual(page.complaints, []);
});

pageTest(
  "the page finds a machine among many, and keeps to it",
  async (open, fixture) => {
    const boot = (digit: string) =>
      fixture.machines.steps.note({
        mac: `52:54:00:00:00:0${digit}`,
        step: "script",
        what: `menu of ${digit}`,
      });
    for (const digit of "0123456789abc") boot(digit);
    const page = await open();
    await page.evaluate(`
    const input = document.querySelector("input");
    input.value = "MENU 0a";
    input.dispatchEvent(new Event("input", { bubbles: true }));
  `);
    const visible =
      "[...document.querySelectorAll('[data-found=machine]')].filter((row) => !row.hidden).map((row) => row.dataset.key).join()";
    assert.equal(await page.evaluate(visible), "52:54:00:00:00:0a");
    boot("d");
    await until(
      page,
      "document.querySelectorAll('[data-found=machine]').length === 14",
    );
    assert.equal(await page.evaluate(visible), "52:54:00:00:00:0a");
    assert.equal(
      await page.evaluate("document.querySelector('input').value"),
      "MENU 0a",
    );
    assert.equal(await page.evaluate(FITS), true);
    await keepScreenshot(page, "machines");
    assert.deepEqual(page.complaints, []);
  },
);
