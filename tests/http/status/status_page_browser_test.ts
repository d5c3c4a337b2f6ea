import assert from "node:assert/strict";
import { startChromium } from "../../support/chromium.ts";
import { busyProvider, httpFixture } from "../../support/http_fixture.ts";
import {
  chromium,
  FITS,
  keepScreenshot,
  openPageServer,
  skipped,
  until,
} from "../../support/page_in_browser.ts";

Deno.test({
  name: `the page in a browser${skipped}`,
  ignore: chromium === undefined,
  async fn(t) {
    const fixture = await httpFixture();
    fixture.status = busyProvider();
    await using server = await openPageServer(fixture);
    await using browser = await startChromium(chromium ?? "");
    const url = `http://127.0.0.1:${server.port}/`;
    const [stable, testing] = fixture.catalog.images();
    assert.ok(stable && testing);

    await t.step("shows the matrix without a complaint", async () => {
      const page = await browser.open(url);
      assert.equal(
        await page.evaluate("document.querySelectorAll('.matrix td').length"),
        4,
      );
      assert.equal(await page.evaluate(FITS), true);
      await keepScreenshot(page, "wide-light");
      assert.deepEqual(page.complaints, []);
    });

    await t.step(
      "shows a new image by itself, with details still open",
      async () => {
        fixture.catalog.set([stable]);
        const page = await browser.open(url);
        await page.evaluate("document.querySelector('details').open = true");
        fixture.catalog.set([stable, {
          ...testing,
          version: "brand-new",
          image: { channel: "beta", arch: "arm64" },
        }]);
        await until(page, "document.body.innerText.includes('brand-new')");
        assert.equal(
          await page.evaluate("document.querySelector('details').open"),
          true,
        );
        await until(page, "document.body.innerText.includes('live')");
        assert.deepEqual(page.complaints, []);
        fixture.catalog.set([stable, testing]);
      },
    );

    await t.step("fits a phone, dark as it likes it", async () => {
      const page = await browser.open(url, {
        width: 360,
        height: 1100,
        colorScheme: "dark",
      });
      assert.equal(await page.evaluate(FITS), true);
      assert.equal(
        await page.evaluate("getComputedStyle(document.body).backgroundColor"),
        "rgb(22, 24, 26)",
      );
      await keepScreenshot(page, "phone-dark");
      assert.deepEqual(page.complaints, []);
    });

    await t.step("is whole without JavaScript", async () => {
      const page = await browser.open(url, { javaScript: false });
      await keepScreenshot(page, "without-javascript");
      assert.deepEqual(page.complaints, []);
    });

    await t.step("runs nothing that hides in names", async () => {
      const evil = "<img src=x onerror=\"document.title='owned'\">" +
        "<script>document.title='owned'</script>";
      fixture.catalog.set([{ ...stable, version: evil }]);
      fixture.status = { ...busyProvider(), name: evil, warnings: [evil] };
      const page = await browser.open(url);
      await until(page, "document.body.innerText.includes('live')");
      assert.match(String(await page.evaluate("document.title")), /^<img /);
      assert.equal(await page.evaluate("document.images.length"), 0);
      await keepScreenshot(page, "hostile");
      assert.deepEqual(page.complaints, []);
    });
  },
});
