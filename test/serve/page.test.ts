/** The page to try a server: what it shows of models, pictures and refusals, in Chromium, at the widths of a desk and a phone. */
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Listening, listen } from "../../src/serve/node/serve.ts";
import { encodeModel, TrainedModel } from "../../src/use/trained-model.ts";
import { chromiumPath, openBrowser } from "../export/draw.ts";
import { bars, box, page as pageOf, pngOf, tallyReader } from "../read/tally.ts";
import { digits, numbers, type Served, serve, stored } from "./fixtures.ts";

const KEY = "k";
/** Only a store can give a model such a name; the page must show it, and not obey it. */
const NAME = "<img src=x onerror=document.title=1>";

describe.skipIf(chromiumPath === undefined)("the page", () => {
  let browser: Browser;
  let served: Served;
  let server: Listening;
  beforeAll(async () => {
    const model = digits();
    model.dataset = { name: "mnist", fingerprint: "0" };
    model.metrics = { test: { accuracy: 0.98765, samples: 10_000 }, validation: { accuracy: 0.5 } };
    const versions = new Map([
      [NAME, [await stored("7", model)]],
      ["numbers", [await stored("1", numbers())]],
      ["tally", [await stored("1", await encodeModel(TrainedModel.of(tallyReader())))]],
    ]);
    served = await serve(() => versions, { apiKey: KEY, minProbability: 0.9 });
    server = await listen(served.app.fetch, { host: "127.0.0.1", port: 0, timeout: 5000 });
    browser = await openBrowser();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await server?.stop(100);
    await served?.repository.close();
  });

  async function open(width: number): Promise<{ readonly page: Page; readonly errors: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(server.url);
    return { page, errors };
  }
  const picture = async (name: string) => ({
    name,
    mimeType: "image/png",
    buffer: await sharp({ create: { width: 60, height: 80, channels: 3, background: "white" } })
      .composite([{ input: { create: { width: 9, height: 50, channels: 3, background: "black" } }, left: 25, top: 15 }])
      .png()
      .toBuffer(),
  });

  it.each([1100, 380])(
    "at %i pixels: says nothing without the key, then what is known, and what a picture shows",
    async (width) => {
      const { page, errors } = await open(width);
      expect(await page.isVisible("#about")).toBe(false);
      expect(await page.textContent("#models")).not.toContain("numbers");
      await page.fill("#key", KEY);
      await page.dispatchEvent("#key", "change");
      await page.waitForSelector("#about:not([hidden])");
      const text = await page.innerText("#about");
      expect(text.replace(/\s+/g, " ")).toBe(
        `${NAME} version 7 task classify network separable trained on mnist accuracy 98.77 % of 10,000 test pictures labels 10: 0 1 2 3 4 5 6 7 8 9 input 28 × 28 bytes`,
      );
      await page.setInputFiles("#file", [await picture("a.png")]);
      await page.waitForSelector("#ranking li");
      // A network that has learned nothing is never sure.
      expect(await page.innerText("#note")).toMatch(/^Refused: the likeliest answer has \d+\.\d %/);
      await page.fill("#minimum", "0");
      expect(await page.textContent("#curl")).toContain("min_probability=0");
      await page.setInputFiles("#file", [await picture("a.png")]);
      await page.waitForSelector("#ranking meter");
      expect(await page.locator("#ranking meter").count()).toBe(5);
      expect(await page.innerText("#note")).toBe("");
      await page.setInputFiles("#file", [
        await picture("a.png"),
        { name: "<i>b.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") },
      ]);
      await page.waitForSelector("#ranking.files");
      expect(await page.innerText("#ranking")).toMatch(/^a\.png\s+\d\s+\d+\.\d %\s+<i>b\.txt\s+not read/);
      expect(await page.innerText("#note")).toMatch(/^<i>b\.txt: expected a picture/);
      await page.selectOption("#model", "numbers");
      expect(await page.innerText("#about")).toMatch(/^numbers[^%]*1 × 3 numbers$/s);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      expect(await page.title()).toBe("Ductus");
      expect(errors).toEqual([]);
      await page.close();
    },
  );

  it.each([1100, 380])("at %i pixels: a photograph of a page, with what was read laid over it", async (width) => {
    const { page, errors } = await open(width);
    await page.fill("#key", KEY);
    await page.dispatchEvent("#key", "change");
    await page.waitForSelector("#about:not([hidden])");
    await page.selectOption("#model", "tally");
    expect(await page.innerText("#title")).toBe("Drop a photograph of a page with numbers");
    expect(await page.isVisible("#draw")).toBe(false);
    expect(await page.innerText("#curl")).toMatch(/@page\.jpg \\\s+'http.*\/models\/tally\/read'$/);
    const picture = pageOf(800, 500, [...box(60, 80, 220, 70), ...bars(3, 100, 300), ...bars(5, 400, 300)]);
    const file = { name: "page.png", mimeType: "image/png", buffer: Buffer.from(await pngOf(picture)) };
    await page.setInputFiles("#file", [file]);
    await page.waitForSelector("#ranking.pages li");
    expect((await page.locator("#ranking li").allInnerTexts()).map((text) => text.split(/\s/)[0])).toEqual([
      "111",
      "11111",
    ]);
    expect(await page.locator("#places polygon").count()).toBe(3);
    expect(await page.innerText("#note")).toBe("2 read, 0 for a person to look at, 1 empty");
    const isOver = `(() => {
      const [image, last] = ["#photograph", "polygon:last-child"].map((one) => document.querySelector(one).getBoundingClientRect());
      const at = (last.left - image.left) / image.width;
      return image.width > 200 && at > 0.4 && at < 0.55;
    })()`;
    expect(await page.evaluate(isOver)).toBe(true);
    await page.setInputFiles("#file", [{ ...file, buffer: Buffer.from("no picture") }]);
    await page.waitForFunction(`document.querySelector("#note").textContent.includes("expected a picture")`);
    expect(await page.locator("#places polygon").count()).toBe(0);
    await page.selectOption("#model", "numbers");
    expect(await page.isVisible("#draw")).toBe(true);
    expect(await page.isVisible("#sheet")).toBe(false);
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    expect(errors).toEqual([]);
    await page.close();
  });
});
