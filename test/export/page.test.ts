/**
 * Exported recognizers in a real browser: the page reads digits drawn with the mouse, offline and from a file; the
 * `.js` runs in a page and in a worker. Skipped, with a line that says so, where there is no Chromium.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readMnistPackage } from "../../src/data/formats/mnist-package.ts";
import { exportHtml } from "../../src/export/html.ts";
import { exportWasm } from "../../src/export/wasm.ts";
import { create } from "../../src/models/registry.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { fit as train } from "../../src/train/fit.ts";
import { chromiumPath, DIGITS, draw, openBrowser } from "./draw.ts";
import { MODELS } from "./models.ts";

setPlatform(nodePlatform);
const require = createRequire(import.meta.url);

describe.skipIf(chromiumPath === undefined)("in Chromium", () => {
  const folder = mkdtempSync(join(tmpdir(), "ductus-page-"));
  let browser: Browser;
  let server: Server;
  let address: string;

  beforeAll(async () => {
    const digits = Array.from({ length: 10 }, (_, digit) => require(`mnist/src/digits/${digit}.json`) as unknown);
    const sets = readMnistPackage(digits);
    const { model } = await train(create("cnn-strided"), sets.train, { epochs: 3, seed: 1 });
    const other = MODELS["colors, numbers as inputs"]();
    const exports = [exportHtml(model, "digits"), exportWasm(model, "digits"), exportHtml(other, "other")];
    for (const { files } of await Promise.all(exports)) {
      for (const [name, content] of files) writeFileSync(join(folder, name), content);
    }
    writeFileSync(join(folder, "index.html"), "<!doctype html><title>empty</title>");
    writeFileSync(
      join(folder, "worker.js"),
      `import { load } from "./digits.js";
const { recognize } = await load();
postMessage(null);
onmessage = ({ data }) => postMessage(recognize(data)[0].label);`,
    );
    const types: Record<string, string> = { js: "text/javascript", wasm: "application/wasm", html: "text/html" };
    server = createServer((request, response) => {
      const path = request.url === "/" ? "/index.html" : (request.url ?? "");
      try {
        const content = readFileSync(join(folder, path));
        response.writeHead(200, { "content-type": types[path.split(".").at(-1) ?? ""] ?? "" }).end(content);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await openBrowser();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ["desktop", { width: 1280, height: 800 }],
    ["phone", { width: 390, height: 844 }],
  ])("the page reads what is drawn, offline, at the size of a %s", async (_, viewport) => {
    const context = await browser.newContext({ viewport, offline: true });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", ({ message }) => errors.push(message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(`file://${join(folder, "digits.html")}`);
    const answer = page.locator("#answer");
    for (const [digit, points] of Object.entries(DIGITS)) {
      await draw(page, points);
      await expect.poll(() => answer.textContent()).toBe(digit);
      const winner = page.locator("#bars .first");
      expect(await winner.textContent()).toContain(digit);
      await page.keyboard.press("Escape");
      await expect.poll(() => answer.textContent()).toBe("");
    }
    await draw(page, DIGITS[7]);
    await expect.poll(() => answer.textContent()).toBe("7");
    await page.getByRole("button", { name: "Clear" }).press("Enter");
    await expect.poll(() => answer.textContent()).toBe("");
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(widths[0]).toBe(widths[1]);
    expect(errors).toEqual([]);
    await context.close();
  });

  test("names of classes are text, whatever they hold", async () => {
    const page = await browser.newPage();
    await page.goto(`file://${join(folder, "other.html")}`);
    await expect.poll(() => page.locator("#bars li").count()).toBe(3);
    expect(await page.locator("#bars").textContent()).toContain('a "quoted" </script> name');
    await page.close();
  });

  test("the script runs in a page and in a worker", async () => {
    const page = await browser.newPage();
    await page.goto(address);
    // As text: what is written here goes through a compiler that has its own idea of import().
    const answers = await page.evaluate(`(async () => {
      const { load } = await import("./digits.js");
      const { recognize } = await load();
      const context = new OffscreenCanvas(120, 160).getContext("2d");
      context.fillRect(52, 20, 14, 120);
      const image = context.getImageData(0, 0, 120, 160);
      const worker = new Worker("./worker.js", { type: "module" });
      const next = () => new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
      });
      await next();
      const said = next();
      worker.postMessage(image);
      return [recognize(image)[0].label, await said];
    })()`);
    expect(answers).toEqual(["1", "1"]);
    await page.close();
  });
});
