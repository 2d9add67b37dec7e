/**
 * Lines and pages read in Chromium, from a bundle of the built package: with a model file and `ductus/runtime`, and with the reader that
 * comes with Ductus. Skipped, with a line that says so, without Chromium.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import "../../src/index.ts";
import { encodeModel, TrainedModel } from "../../src/use/trained-model.ts";
import { chromiumPath, openBrowser } from "../export/draw.ts";
import { bars, box, page as pageOf, pngOf, printedForm, tallyReader } from "../read/tally.ts";
import { bundle } from "./bundle.ts";
import { serve, type TestSite } from "./page.ts";

const PACKAGED = readFileSync(resolve(import.meta.dirname, "../../models/reader.safetensors"));

describe.skipIf(chromiumPath === undefined)("reading in a page", () => {
  let browser: Browser;
  let site: TestSite;
  let page: Page;
  let main: string;
  const files = new Map<string, string | Uint8Array>();
  const form = printedForm();

  beforeAll(async () => {
    const program = await bundle(`export { load, decodePicture } from "ductus/runtime";
export { pages, load as loadModel } from "ductus";`);
    expect(program.ofNode).toEqual([]);
    [main] = program.files.keys();
    for (const [name, code] of program.files) files.set(name, code);
    files.set("tally.safetensors", await encodeModel(TrainedModel.of(tallyReader())));
    files.set("line.png", await pngOf(pageOf(200, 60, bars(4, 40, 10))));
    files.set("page.png", await pngOf(pageOf(420, 260, [...box(20, 30, 160, 60), ...bars(3, 60, 160)])));
    files.set("blank.png", await pngOf(form.blank));
    files.set("filled.png", await pngOf(form.filled));
    site = await serve(files);
    browser = await openBrowser();
    page = await browser.newPage();
    await page.goto(site.address);
    await page.evaluate(`import("./${main}").then((ductus) => { globalThis.ductus = ductus; })`);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  test("ductus/runtime reads a line, the numbers of a page, and the fields of a form", {
    timeout: 120_000,
  }, async () => {
    const found = (await page.evaluate(`(async () => {
      const { load, decodePicture } = ductus;
      const { recognize, read, alphabet } = await load("tally.safetensors");
      const line = await recognize(await decodePicture("line.png"));
      const { numbers } = await read(await decodePicture("page.png"));
      const form = { picture: await decodePicture("blank.png"), fields: ${JSON.stringify(form.fields)} };
      const filled = await decodePicture("filled.png");
      const fields = await read(filled, { form });
      const wrong = await read(filled, { form: { ...form, fields: [{ name: "a" }] } }).catch((error) => error.message);
      return { alphabet, line, numbers, fields: fields.numbers, wrong };
    })()`)) as Record<"line" | "numbers" | "fields" | "wrong" | "alphabet", unknown>;
    expect(found.alphabet).toEqual(["1"]);
    expect(found.line).toMatchObject({
      text: "1111",
      characters: [{ text: "1" }, {}, {}, {}],
      alternatives: expect.any(Array),
    });
    const { characters } = found.line as { characters: { left: number; right: number }[] };
    characters.forEach(({ left, right }, i) => {
      expect(Math.abs((left + right) / 2 - (42.5 + 24 * i))).toBeLessThan(8);
    });
    expect(found.numbers).toMatchObject([
      { kind: "box", text: "", refused: "nothing there" },
      { kind: "line", text: "111" },
    ]);
    expect(found.fields).toMatchObject([
      { name: "first", text: "111" },
      { name: "second", refused: "nothing there" },
    ]);
    expect(found.wrong).toMatch(/^form: .*box is missing/);
  });

  test("the reader that comes with Ductus is found beside the bundle, or what to do is said", {
    timeout: 120_000,
  }, async () => {
    const open = `ductus.pages.PageReader.open()`;
    const refusal = (await page.evaluate(`${open}.catch((error) => error.name + ": " + error.message)`)) as string;
    expect(refusal).toMatch(
      /^DataError: reader: .* is not at http.*models\/reader\.safetensors \(.*404\).*optimizeDeps/,
    );
    files.set("models/reader.safetensors", "<!doctype html><p>Hello</p>");
    const other = (await page.evaluate(`${open}.catch((error) => error.message)`)) as string;
    expect(other).toMatch(/\(a web page is there\)/);
    files.set("models/reader.safetensors", PACKAGED);
    const read = `async (reader) => {
      const { numbers } = await reader.read(await ductus.decodePicture("page.png"));
      await reader.close();
      return numbers.map(({ kind }) => kind);
    }`;
    expect(await page.evaluate(`${open}.then(${read})`)).toEqual(["box", "line"]);
    const own = `ductus.loadModel("models/reader.safetensors").then((model) => ductus.pages.PageReader.open(model))`;
    expect(await page.evaluate(`${own}.then(${read})`)).toEqual(["box", "line"]);
  });
});
