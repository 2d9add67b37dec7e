/** `ductus explain` as it is typed: what it prints, the page that it writes, and what it says about mistakes. */
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../../src/formats/png.ts";
import { create } from "../../src/models/registry.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { TrainedModel } from "../../src/use/trained-model.ts";
import { chromiumPath, openBrowser } from "../export/draw.ts";
import { ductus, ensureBuilt } from "./run-cli.ts";

setPlatform(nodePlatform);
let cwd: string;

/** Light where there is no ink. */
const picture = (isInk: (x: number, y: number) => boolean): Promise<Uint8Array> =>
  encodePng({
    width: 40,
    height: 50,
    channels: 1,
    data: Uint8Array.from({ length: 2000 }, (_, i) => (isInk(i % 40, Math.floor(i / 40)) ? 10 : 245)),
  });

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-explain-"));
  const preprocessing = { ...MNIST_PREPROCESSING };
  const classes = ["<one>", "two", "three"];
  const model = TrainedModel.of(create("lenet5", { seed: 1, classes }));
  model.preprocessing = preprocessing;
  await model.save(join(cwd, "model.safetensors"));
  await writeFile(join(cwd, "bar.png"), await picture((x, y) => x > 16 && x < 22 && y > 6 && y < 44));
  await writeFile(join(cwd, "blank.png"), await picture(() => false));
  await writeFile(join(cwd, "text.png"), "not a picture");
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const explain = (...words: string[]): ReturnType<typeof ductus> =>
  ductus(cwd, "explain", "model.safetensors", ...words);

describe("explain", () => {
  it("prints the answer and where the model looks: on ink", async () => {
    const { status, out, err } = await explain("bar.png");
    expect(status, err).toBe(0);
    const lines = out.split("\n");
    expect(lines[0]).toMatch(/^bar\.png: (<one>|two|three)$/);
    expect(out).toMatch(/where it looks for (<one>|two|three) \(\d/);
    const rows = lines.slice(lines.findIndex((line) => line.startsWith("where it looks")) + 1, -2);
    expect(rows).toHaveLength(14);
    // The bar stands in the middle; black gets no attention.
    expect(rows.join("")).toMatch(/█/);
    for (const row of rows) expect(row).toMatch(/^ *[·░▒▓█ ]{0,8}$/);
    expect(out).toContain("written to explain.html");
  });

  it("writes one page without script and network, with every layer", async () => {
    const { status, err } = await explain("bar.png", "--class", "two", "--out", "why.html");
    expect(status, err).toBe(0);
    const page = await readFile(join(cwd, "why.html"), "utf8");
    expect(page).toContain("Why “two”?");
    expect(page).toContain("&#60;one&#62;");
    expect(page).not.toMatch(/<one>|<script|https?:|url\(/);
    for (const layer of ["conv1 · Conv2d", "conv2 · Conv2d", "fc3 · Linear"]) expect(page).toContain(layer);
  });

  it.skipIf(chromiumPath === undefined)("whose pictures are all there, on a phone too", async () => {
    await explain("bar.png", "--out", "phone.html");
    const browser = await openBrowser();
    const page = await browser.newPage({ viewport: { width: 360, height: 700 } });
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(`file://${join(cwd, "phone.html")}`);
    const images = await page
      .locator("img")
      .evaluateAll((all) => all.map((each) => (each as HTMLImageElement).naturalWidth));
    expect(images.length).toBeGreaterThan(8);
    expect(Math.min(...images)).toBeGreaterThan(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    expect(asked.filter((url) => !url.startsWith("data:"))).toHaveLength(1);
    await browser.close();
  });

  it("gives it all as JSON", async () => {
    const { status, out, err } = await explain("bar.png", "--json", "--class", "three", "--top", "2");
    expect(status, err).toBe(0);
    const result = JSON.parse(out);
    expect(result).toMatchObject({
      picture: "bar.png",
      inputShape: [28, 28, 1],
      about: { name: "three" },
      page: "explain.html",
    });
    expect(result).toMatchObject({ format: 1, label: result.class, ranking: [{ label: result.class }, {}] });
    expect(result.top).toHaveLength(2);
    expect(result.attention).toHaveLength(784);
    expect(Math.max(...result.attention)).toBe(1);
    expect(result.layers[0]).toEqual({ name: "conv1", kind: "Conv2d", shape: expect.any(Array) });
  });

  it.each([
    [["bar.png", "--class", "tow"], 2, /unknown class "tow"; did you mean "two"\?/],
    [["blank.png"], 1, /blank\.png: the picture is blank/],
    [["text.png"], 1, /text\.png/],
    [["nothing.png"], 1, /nothing\.png/],
    [["bar.png", "--out", "bar.png"], 2, /bar\.png would be overwritten/],
    [[], 2, /picture/],
  ])("%j is refused in one line, and writes nothing", async (words, expected, message) => {
    await rm(join(cwd, "explain.html"), { force: true });
    const { status, err } = await explain(...words);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(err).toMatch(message);
    expect(status).toBe(expected);
    await expect(access(join(cwd, "explain.html"))).rejects.toThrow();
  });
});
