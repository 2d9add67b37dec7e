/**
 * The studio as a person uses it, in Chromium, behind `ductus studio`: drawing, training, making a recognizer, taking it away
 * and dropping it back, in both languages, by keyboard alone, offline. Skipped, with a line that says so, without Chromium.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readArchive } from "../../src/formats/archive.ts";
import { writeZip } from "../../src/formats/zip.ts";
import { create } from "../../src/models/registry.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { OPTIMIZER_NAMES } from "../../src/optim/registry.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { readSite } from "../../src/platform/node/static-site.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import { NETWORKS, OPTIMIZERS } from "../../studio/src/state/networks.ts";
import { serve } from "../browser/page.ts";
import { ductus, ensureBuilt, start } from "../cli/run-cli.ts";
import { chromiumPath, DIGITS, draw, openBrowser } from "../export/draw.ts";
import { createReader } from "../helpers/reader.ts";
import { letters, strings } from "../helpers/sequence-models.ts";

const root = resolve(import.meta.dirname, "../..");
const site = resolve(root, "dist/studio");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

type Point = readonly [x: number, y: number];

/** Signs that are no digits; `shake` moves them, as no hand writes twice alike. */
const SIGNS = {
  triangle: [
    [0.5, 0.2],
    [0.8, 0.78],
    [0.2, 0.78],
    [0.5, 0.2],
  ],
  zigzag: [
    [0.2, 0.3],
    [0.8, 0.3],
    [0.2, 0.7],
    [0.8, 0.7],
  ],
  dash: [
    [0.2, 0.5],
    [0.8, 0.5],
  ],
} as const satisfies Record<string, readonly Point[]>;

const shake = (points: readonly Point[], seed: number): Point[] =>
  points.map(([x, y], i) => [x + 0.05 * Math.sin(seed * 7 + i * 3), y + 0.05 * Math.cos(seed * 5 + i * 2)]);

/** A report that would like to do what it must not. */
const REPORT = `<!doctype html><title>as it was written</title><style>h1 { color: green }</style><h1>A report</h1>
<img class="inside" src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">
<img src="/api/runs"><link rel="stylesheet" href="/assets/none.css"><iframe src="/"></iframe>
<script>document.title = "changed"; fetch("/api/runs");</script><img src="x:" onerror="document.title = 'changed'">`;

/** The first bytes of a PNG that claims a billion pixels. */
function hugePng(): Buffer {
  const bytes = Buffer.alloc(64);
  Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1").copy(bytes);
  bytes.writeUInt32BE(50_000, 16);
  bytes.writeUInt32BE(20_000, 20);
  return bytes;
}

const [WIDTH, HEIGHT] = [320, 240];

/** A film for a camera, YUV4MPEG2: a sign on gray paper in half shadow, in an unsteady hand. */
function filmOf(points: readonly Point[]): Buffer {
  const frames = Array.from({ length: 8 }, (_, n) => {
    const corners = shake(points, n);
    const luma = Buffer.alloc(WIDTH * HEIGHT);
    for (let i = 0; i < luma.length; i++) {
      const [column, row] = [i % WIDTH, Math.floor(i / WIDTH)];
      const at: Point = [(column - (WIDTH - HEIGHT) / 2) / HEIGHT, row / HEIGHT];
      const isInk = corners.some((corner, c) => c > 0 && distance(at, corners[c - 1], corner) < 0.015);
      luma[i] = isInk ? 50 : 200 - (60 * column) / WIDTH + ((i * 7919) % 11);
    }
    return Buffer.concat([Buffer.from("FRAME\n"), luma, Buffer.alloc(luma.length / 2, 128)]);
  });
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`), ...frames]);
}

/** Of a point from a line between two others. */
function distance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

test("the networks on offer have the parameters that the page says", () => {
  for (const { name, parameters } of NETWORKS) {
    const count = [...create(name).network.namedParameters()].reduce((sum, [, { data }]) => sum + data.length, 0);
    expect(count, name).toBe(parameters);
  }
});

test("the settings that the page offers first are those of the recipes", () => {
  for (const { name, recipe } of NETWORKS) {
    const { network, recipe: own } = create(name);
    const { optimizer, lr, batchSize, weightDecay = 0, augment = "none", labelSmoothing } = own;
    const [dropout] = [...network.children()].flatMap(([, child]) => (child instanceof Dropout ? [child.p] : []));
    expect(recipe, name).toEqual({ optimizer, lr, batchSize, weightDecay, augment, labelSmoothing, dropout });
  }
  expect(Object.keys(OPTIMIZERS).sort()).toEqual([...OPTIMIZER_NAMES].sort());
});

describe.skipIf(chromiumPath === undefined)("the studio in Chromium", () => {
  let browser: Browser;
  let cwd: string;
  let url: string;
  let end: () => void;
  const errors: string[] = [];

  const open = async (view = "draw", options: BrowserContextOptions = {}, of = browser): Promise<Page> => {
    const context = await of.newContext({ locale: "en-GB", serviceWorkers: "block", ...options });
    const page = await context.newPage();
    page.on("pageerror", ({ message }) => errors.push(message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.goto(`${url}#/${view}`);
    return page;
  };
  const answer = (page: Page, wanted: string): Promise<unknown> =>
    page.waitForFunction(`document.querySelector("#answer")?.textContent === ${JSON.stringify(wanted)}`);

  /** A file let fall on the page, or on something in it. */
  const drop = (page: Page, name: string, bytes: Uint8Array, on = "body", type = ""): Promise<unknown> =>
    page.evaluate(`(() => {
      const bytes = Uint8Array.from(atob(${JSON.stringify(Buffer.from(bytes).toString("base64"))}), (c) => c.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], ${JSON.stringify(name)}, { type: ${JSON.stringify(type)} }));
      const target = document.querySelector(${JSON.stringify(on)});
      for (const kind of ["dragover", "drop"]) {
        target.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
      }
    })()`);

  beforeAll(async () => {
    ensureBuilt();
    setPlatform(nodePlatform);
    cwd = await mkdtemp(join(tmpdir(), "ductus-studio-page-"));
    const run = join(cwd, "runs", "digits-1");
    await mkdir(run, { recursive: true });
    await writeFile(join(run, "args.json"), JSON.stringify({ data: "mnist", model: "ductus-s" }));
    await writeFile(join(run, "metrics.jsonl"), '{"epoch":1,"trainingLoss":0.5}\n');
    const tested = { count: 100, loss: 0.1, accuracy: 0.97, interval: { low: 0.91, high: 0.99 } };
    await writeFile(join(run, "results.json"), JSON.stringify({ ended: "finished", seconds: 4, test: tested }));
    await copyFile(join(site, "models/digits.safetensors"), join(run, "best.safetensors"));
    await writeFile(join(run, "report.html"), REPORT);
    const child = start(cwd, ["studio", "--port", "0", "--json"]);
    const [line] = await once(createInterface({ input: child.stdout! }), "line");
    url = (JSON.parse(line) as { url: string }).url;
    end = () => child.kill("SIGINT");
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    end?.();
    await rm(cwd, { recursive: true, force: true });
    expect(errors, "in the console").toEqual([]);
  });

  test("reads what is drawn, shows the inside of the network, and loads little before that", async () => {
    const context = await browser.newContext({ locale: "en-GB", serviceWorkers: "block" });
    const page = await context.newPage();
    const loaded = new Set<string>();
    page.context().on("request", (request) => loaded.add(new URL(request.url()).pathname.slice(1)));
    await page.goto(url);
    await draw(page, DIGITS["7"]);
    await answer(page, "7");
    expect(await page.locator(".bars li").count()).toBe(10);
    await page.waitForSelector(".layers li");
    expect(await page.locator(".layers li").allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringContaining("Conv2d")]),
    );
    await page.waitForFunction(
      `[...document.querySelectorAll("[aria-live]")].some((e) => /Read as 7/.test(e.textContent))`,
    );
    const isSeen = `(() => {
      const { width, height } = document.querySelector(".seen canvas");
      const { data } = document.querySelector(".seen canvas").getContext("2d").getImageData(0, 0, width, height);
      return data.some((value) => value > 0);
    })()`;
    expect(await page.evaluate(isSeen)).toBe(true);
    await page.locator(".layer").first().click();
    await page.waitForSelector("dialog[open] canvas");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.getByRole("button", { name: "Clear" }).click();
    await answer(page, "");
    await draw(page, DIGITS["3"]);
    await answer(page, "3");
    await page.keyboard.press("Control+z");
    await answer(page, "");

    const code = [...loaded].filter((path) => !/^(models|data)\//.test(path));
    expect(code.some((path) => path.includes("worker"))).toBe(true);
    expect(code.filter((path) => path.includes("pages"))).toEqual([]);
    const sizes = await Promise.all(
      code.map(async (path) => gzipSync(await readFile(join(site, path === "" ? "index.html" : path))).length),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(250_000);
    await context.close();
  });

  test("does all that by keyboard alone", async () => {
    const page = await open();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.id")).toBe("pad");
    await page.keyboard.press("Space");
    for (let i = 0; i < 17; i++) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Space");
    await answer(page, "1");
    await page.keyboard.press("Escape");
    await answer(page, "");
    await page.getByRole("link", { name: "Train" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Train a network" }).waitFor();
    await page.context().close();
  });

  test("speaks the language of the browser, or the one chosen", async () => {
    const page = await open("draw", { locale: "zh-CN" });
    await page.getByRole("heading", { name: "写一个数字" }).waitFor();
    expect(await page.evaluate("document.documentElement.lang")).toBe("zh-Hans");
    await page.getByRole("button", { name: "English" }).click();
    await page.getByRole("heading", { name: "Write a digit" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Write a digit" }).waitFor();
    expect(await page.evaluate("document.documentElement.lang")).toBe("en");
    await page.context().close();
  });

  test("makes a recognizer of drawn samples, takes it away and opens it again", { timeout: 120_000 }, async () => {
    const page = await open("make");
    await page.getByRole("button", { name: "Make the first one" }).click();
    await page.getByLabel("New class").fill("Δ, Z, –");
    await page.keyboard.press("Enter");
    for (let i = 0; i < 5; i++) {
      for (const [k, points] of Object.values(SIGNS).entries()) {
        await draw(page, shake(points, i * 3 + k));
        await page.keyboard.press(`${k + 1}`);
      }
    }
    await page.waitForFunction(`document.querySelectorAll("button.sample").length === 15`);
    // A sample that is taken away, and taken back; a picture that is dropped on its class.
    await page.locator("button.sample").first().click();
    await page.waitForFunction(`document.querySelectorAll("button.sample").length === 14`);
    await page.getByRole("status").getByRole("button", { name: "Undo" }).click();
    await page.waitForFunction(`document.querySelectorAll("button.sample").length === 15`);
    await draw(page, shake(SIGNS.triangle, 20));
    const png = Buffer.from(
      (await page.evaluate(`document.querySelector("#pad").toDataURL().split(",")[1]`)) as string,
      "base64",
    );
    await page.keyboard.press("Escape");
    await drop(page, "one.png", png, ".class", "image/png");
    await page.waitForFunction(`document.querySelectorAll("button.sample").length === 16`);

    await page.getByRole("button", { name: "Train", exact: true }).click();
    await page.getByRole("heading", { name: "How good it is" }).waitFor({ timeout: 90_000 });
    expect(await page.locator(".matrix tbody tr").count()).toBe(3);
    expect(await page.locator(".make-result").innerText()).toMatch(/cross-validation: each of the 16 samples/);
    await draw(page, shake(SIGNS.zigzag, 40));
    await answer(page, "Z");

    // A compiled recognizer is three files.
    const files = new Map<string, Buffer>();
    page.on("download", async (file) => {
      files.set(file.suggestedFilename(), await readFile(await file.path()));
    });
    const formats = { "Model file": "safetensors", ".wasm": "wasm", ".html": "html", ONNX: "onnx" };
    for (const [name, suffix] of Object.entries(formats)) {
      await page.getByRole("button", { name, exact: true }).click();
      await expect.poll(() => [...files.keys()], { timeout: 30_000 }).toContain(`My-reader.${suffix}`);
    }
    await expect.poll(() => [...files.keys()]).toEqual(expect.arrayContaining(["My-reader.js", "My-reader.d.ts"]));
    await page.context().close();

    const other = await open();
    for (const suffix of Object.values(formats)) {
      const name = `My-reader.${suffix}`;
      await drop(other, name, files.get(name) as Buffer);
      await other.getByText("My-reader is open.").waitFor();
      await draw(other, shake(SIGNS.zigzag, 41));
      await answer(other, "Z");
      await other.keyboard.press("Escape");
      await other.getByRole("button", { name: "Dismiss" }).click();
    }
    await other.context().close();
  });

  test("a project leaves as a ZIP, trains on the command line, and comes back", { timeout: 120_000 }, async () => {
    const page = await open("make");
    await page.getByRole("button", { name: "Make the first one" }).click();
    await page.getByLabel("New class").fill("a/b, Z");
    await page.keyboard.press("Enter");
    // The class is chosen once; what is written after that needs no word.
    for (const [k, [name, points]] of [["a/b", SIGNS.triangle] as const, ["Z", SIGNS.zigzag] as const].entries()) {
      await page.locator(".class-button", { hasText: name }).click();
      for (let i = 0; i < 5; i++) {
        await draw(page, shake(points, i));
        await page.keyboard.press("Enter");
        await page.waitForFunction(`document.querySelectorAll("button.sample").length === ${k * 5 + i + 1}`);
      }
    }
    expect(await page.locator(".class .count").allInnerTexts()).toEqual(["5 samples", "5 samples"]);
    const [saved] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save the project" }).click(),
    ]);
    expect(saved.suggestedFilename()).toBe("My-reader.zip");
    const zip = await readFile(await saved.path());
    await page.context().close();

    const { files } = await readArchive(zip, "zip", { entries: 100, bytes: 1e7, fileBytes: 1e7 });
    for (const [name, bytes] of files) {
      const path = join(cwd, "project", name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    }
    const words = [
      "--data",
      "project",
      "--model",
      "mlp",
      "--epochs",
      "2",
      "--val",
      "0.2",
      "--out",
      "trained",
      "--json",
    ];
    const { status, out, err } = await ductus(cwd, "train", ...words);
    expect(err).not.toMatch(/left aside/);
    expect(status, err).toBe(0);
    expect(out).toContain('"a/b"');

    const other = await open("make");
    await drop(other, "anything.zip", zip);
    await other.getByText("Brought in 10 pictures of 2 classes.").waitFor();
    expect(await other.getByLabel("Name of the reader").inputValue()).toBe("My reader");
    expect(await other.locator(".class-button .label").allInnerTexts()).toEqual(["a/b", "Z"]);
    expect(await other.locator(".class .count").allInnerTexts()).toEqual(["5 samples", "5 samples"]);
    // The same again, into the recognizer that is open, by the button.
    await other.getByRole("button", { name: "Open a ZIP" }).waitFor();
    await other
      .locator('input[accept^=".zip"]')
      .setInputFiles({ name: "b.zip", mimeType: "application/zip", buffer: zip });
    await other.waitForFunction(`document.querySelectorAll("button.sample").length === 20`);
    await other.context().close();
  });

  test("takes folders by class, and says of each file what is wrong with it", async () => {
    const folder = join(cwd, "signs");
    const page = await open("make");
    await page.getByRole("button", { name: "Make the first one" }).click();
    await page.getByLabel("New class").fill("dot");
    await page.keyboard.press("Enter");
    const pngOf = async (points: readonly Point[]): Promise<Buffer> => {
      await draw(page, points);
      const png = (await page.evaluate(`document.querySelector("#pad").toDataURL().split(",")[1]`)) as string;
      await page.keyboard.press("Escape");
      return Buffer.from(png, "base64");
    };
    const [triangle, zigzag] = [await pngOf(SIGNS.triangle), await pngOf(SIGNS.zigzag)];
    const blank = Buffer.from(
      (await page.evaluate(`(() => {
        const canvas = document.createElement("canvas");
        return canvas.toDataURL().split(",")[1];
      })()`)) as string,
      "base64",
    );
    const files: Readonly<Record<string, Buffer>> = {
      "Δ/1.png": triangle,
      "Δ/broken.png": triangle.subarray(0, 20),
      "Δ/huge.png": hugePng(),
      "%2F..%2F永/2.png": zigzag,
      "Z/blank.png": blank,
      "Z/notes.txt": Buffer.from("dear diary"),
      "stray.png": triangle,
      ".hidden/3.png": triangle,
    };
    for (const [name, bytes] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), bytes);
    }
    const problems = [
      "signs/Δ/broken.png cannot be read as a picture: the browser knows PNG, JPEG, WebP, GIF and AVIF.",
      "signs/Δ/huge.png has more than 100 million pixels: make it smaller.",
      "signs/Z/blank.png is blank: there is nothing on it to learn from.",
      "signs/Z/notes.txt cannot be read as a picture: the browser knows PNG, JPEG, WebP, GIF and AVIF.",
    ];
    await page.goto(`${url}#/make`);
    await page.locator("input[webkitdirectory]").setInputFiles(folder);
    const alert = page.getByRole("alert");
    await alert.getByText("Brought in 3 pictures of 3 classes.").waitFor();
    expect((await alert.locator("li").allInnerTexts()).sort()).toEqual([...problems].sort());
    // Names of folders are texts, whatever they look like; a picture beside folders is one of the folder above.
    expect((await page.locator(".class-button .label").allInnerTexts()).sort()).toEqual(["%2F..%2F永", "signs", "Δ"]);
    expect(await page.getByLabel("Name of the reader").inputValue()).toBe("signs");

    // The same dropped as a ZIP, in which the stray picture has no folder at all; and one that is no ZIP.
    await page.goto(`${url}#/make`);
    const zip = writeZip(new Map(Object.entries(files)));
    await drop(page, "signs.zip", zip);
    await alert.getByText("Brought in 2 pictures of 2 classes.").waitFor();
    const lines = await alert.locator("li").allInnerTexts();
    expect(lines).toHaveLength(5);
    expect(lines).toContain("stray.png lies in no folder: the folder's name would be its class.");
    await drop(page, "none.zip", Buffer.from("no archive"));
    await alert.getByText("none.zip is cut short or no ZIP archive").waitFor();

    // Folders that are dropped; Chromium gives them to scripts only when a hand has dropped them.
    await page.goto(`${url}#/make`);
    await page.evaluate(`(() => {
      const bytes = Uint8Array.from(atob(${JSON.stringify(zigzag.toString("base64"))}), (c) => c.charCodeAt(0));
      const picture = { isFile: true, isDirectory: false, fullPath: "/Z/1.png", file: (done) => done(new File([bytes], "1.png")) };
      const portions = [[picture], []];
      const folder = { isDirectory: true, fullPath: "/Z", createReader: () => ({ readEntries: (done) => done(portions.shift()) }) };
      DataTransferItem.prototype.webkitGetAsEntry = () => folder;
    })()`);
    await drop(page, "Z", new Uint8Array(1));
    await page.getByText("Brought in 1 picture of 1 class.").waitFor();
    expect(await page.locator(".class-button .label").allInnerTexts()).toEqual(["Z"]);
    await page.context().close();
  });

  test.each([
    ["a laptop", { width: 1280, height: 800 }],
    ["a phone", { width: 390, height: 844 }],
  ])("keeps answer, pad and classes in sight on %s", { timeout: 60_000 }, async (_, viewport) => {
    const page = await open("make", { viewport });
    await page.getByRole("button", { name: "Make the first one" }).click();
    await page.getByLabel("New class").fill("0, 1, 2, 3, 4, 5, 6, 7, 8, 9");
    await page.keyboard.press("Enter");
    await page.evaluate("scrollTo(0, 0)");
    for (const part of [".bench .read", "#pad", ".add", ".class-button >> nth=9"]) {
      const box = await page.locator(part).boundingBox();
      expect(box?.y, part).toBeGreaterThanOrEqual(0);
      // On a phone the navigation lies over the lower edge.
      const edge = viewport.height - (viewport.width < 700 ? 65 : 0);
      expect((box?.y ?? 0) + (box?.height ?? 0), part).toBeLessThanOrEqual(edge);
    }
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(viewport.width);
    await page.context().close();
  });

  test("learns signs that are held before the camera", { timeout: 120_000 }, async () => {
    const film = join(cwd, "film.y4m");
    await writeFile(film, filmOf(SIGNS.triangle));
    const camera = await openBrowser(
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-video-capture=${film}`,
    );
    try {
      const page = await open("make", {}, camera);
      await page.getByRole("button", { name: "Make the first one" }).click();
      await page.getByLabel("New class").fill("Δ, Z");
      await page.keyboard.press("Enter");
      for (const [k, [name, points]] of [["Δ", SIGNS.triangle] as const, ["Z", SIGNS.zigzag] as const].entries()) {
        await writeFile(film, filmOf(points)); // read from its beginning whenever the camera is switched on
        await page.getByRole("button", { name: `Photograph samples for ${name}` }).click();
        for (let taken = 1; taken <= 5; taken++) {
          await page.getByRole("button", { name: "Take", exact: true }).click();
          await page.getByText(taken === 1 ? "1 picture taken" : `${taken} pictures taken`).waitFor();
        }
        // What is seen is a square, as what is taken.
        const frame = await page.locator(".frame").boundingBox();
        expect(Math.abs((frame?.width ?? 0) - (frame?.height ?? 1))).toBeLessThan(2);
        await page.keyboard.press("Escape");
        await page.waitForFunction(`document.querySelectorAll("button.sample").length === ${5 * (k + 1)}`);
      }
      await page.getByRole("button", { name: "Train", exact: true }).click();
      await page.getByRole("heading", { name: "How good it is" }).waitFor({ timeout: 90_000 });
      await draw(page, shake(SIGNS.zigzag, 4));
      await answer(page, "Z");
      await page.keyboard.press("Escape");
      await draw(page, shake(SIGNS.triangle, 5));
      await answer(page, "Δ");
    } finally {
      await camera.close();
    }
  });

  test("says so where there is no camera", async () => {
    const page = await open("make");
    await page.getByRole("button", { name: "Make the first one" }).click();
    await page.getByLabel("New class").fill("A");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Photograph samples for A" }).click();
    await page.getByRole("alert").getByText("There is no camera here: choose picture files instead.").waitFor();
    await page.context().close();
  });

  test("trains in the page; a reload in the middle costs little, a pause nothing", { timeout: 120_000 }, async () => {
    const page = await open("train");
    await page.getByText("cnn-strided").click();
    await page.getByLabel("Epochs", { exact: true }).fill("6");
    await page.getByRole("button", { name: "Start training" }).click();
    await page.getByText("Epoch 1", { exact: true }).waitFor({ timeout: 60_000 });
    await page.getByRole("link", { name: "Draw", exact: true }).click();
    await page.locator(".chip").waitFor();
    await page.reload();
    await page.getByText("The training of cnn-strided waits.").waitFor();
    await page.getByRole("link", { name: "Train", exact: true }).click();
    // What was trained before the reload has not to be trained again.
    const done = Number(await page.locator("progress").getAttribute("value"));
    expect(done).toBeGreaterThan(0.1);
    expect(await page.locator(".epochs > li").count()).toBeGreaterThan(0);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("heading", { name: "Training cnn-strided" }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("heading", { name: "cnn-strided is paused" }).waitFor();
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("heading", { name: "cnn-strided is trained" }).waitFor({ timeout: 90_000 });
    const accuracy = Number.parseFloat(await page.locator(".figures .main dd").first().innerText());
    expect(accuracy).toBeGreaterThan(96);
    expect(await page.locator(".epochs > li").count()).toBe(6);
    expect(await page.locator(".matrix tbody tr").count()).toBe(10);
    expect(await page.locator(".chart canvas").count()).toBe(2);
    // Both losses and both accuracies of each epoch; of the test, too, a loss beside the accuracy.
    const rows = await page.locator(".by-epoch tbody tr").allInnerTexts();
    expect(rows).toHaveLength(6);
    for (const row of rows) expect(row.trim()).toMatch(/^\d\s+[\d.]+\s+[\d.]+\s+[\d.]+%\s+[\d.]+%$/);
    const loss = Number(await page.locator(".figures.test .main").nth(1).locator("dd").first().innerText());
    expect(loss).toBeGreaterThan(0);
    expect(loss).toBeLessThan(0.5);
    await page.getByRole("button", { name: "Write to it" }).click();
    await draw(page, DIGITS["7"]);
    await answer(page, "7");
    expect(await page.locator("select option:checked").innerText()).toBe("cnn-strided");
    await page.context().close();
  });

  test("trains with settings of one's own, and says beside its field what is wrong with one", {
    timeout: 60_000,
  }, async () => {
    const page = await open("train");
    await page.getByText("ductus-m", { exact: true }).click();
    const rate = page.getByLabel("Learning rate");
    expect(await rate.inputValue()).toBe("0.008");
    expect(await page.getByLabel("Dropout").inputValue()).toBe("0.3");
    await page.getByLabel("Optimizer").selectOption("sgd");
    expect(await rate.inputValue()).toBe("0.05");
    await rate.fill("fast");
    await page.getByLabel("Batch size").fill("2.5");
    await page.getByLabel("Dropout").fill("1");
    for (const [name, message] of [
      ["Learning rate", "A number from 0.000001 to 1"],
      ["Batch size", "A whole number from 1 to 1,024"],
      ["Dropout", "A number from 0 to 0.9"],
    ]) {
      const field = page.getByLabel(name);
      expect(await field.getAttribute("aria-invalid")).toBe("true");
      const said = await field.getAttribute("aria-describedby");
      expect(await page.locator(`[id="${said}"]`).innerText()).toBe(message);
    }
    await page.getByRole("button", { name: "Start training" }).click();
    expect(await page.evaluate("document.activeElement.id")).toBe("lr");
    await page.getByRole("button", { name: "Back to the recipe" }).click();
    expect(await rate.inputValue()).toBe("0.008");
    expect(await page.locator("[aria-invalid=true]").count()).toBe(0);

    await page.getByText("cnn-strided").click();
    expect(await page.getByLabel("Dropout").count()).toBe(0);
    await page.getByLabel("Optimizer").selectOption("rmsprop");
    await rate.fill("0,002");
    await page.getByLabel("Epochs", { exact: true }).fill("1");
    await page.getByRole("button", { name: "Start training" }).click();
    await page.getByRole("heading", { name: "cnn-strided is trained" }).waitFor({ timeout: 60_000 });
    expect(await page.getByText("Learned with").innerText()).toContain(
      "RMSprop · Learning rate 0.002 · Batch size 256",
    );
    expect(await page.locator(".by-epoch tbody tr").count()).toBe(1);
    await page.context().close();
  });

  test("shows the runs of the command line, and reads with their models", async () => {
    const page = await open("runs");
    await page.getByRole("rowheader", { name: "digits-1" }).waitFor();
    await page.getByRole("button", { name: "Open the model of digits-1" }).click();
    await page.getByRole("heading", { name: "Write a digit" }).waitFor();
    await draw(page, DIGITS["7"]);
    await answer(page, "7");
    expect(await page.locator("select option:checked").innerText()).toBe("digits-1");
    await page.context().close();
  });

  test("shows all of a run on a phone, and every view without scrolling sideways", async () => {
    const page = await open("runs", { viewport: { width: 390, height: 844 } });
    const card = page.locator(".run-cards li").first();
    await card.getByRole("heading", { name: "digits-1" }).waitFor();
    expect(await card.locator("dd").allInnerTexts()).toEqual(["done", "97.0%", "mnist", "ductus-s", "1", "4 s"]);
    await card.getByRole("link", { name: "Report of digits-1" }).waitFor();
    for (const view of ["draw", "pages", "train", "make", "runs"]) {
      await page.evaluate(`location.hash = "#/${view}"`);
      await page.waitForSelector(`main.${view} h1`);
      expect(await page.evaluate("document.documentElement.scrollWidth"), view).toBeLessThanOrEqual(390);
    }
    await page.evaluate(axe);
    const serious = `axe.run().then(({ violations }) => violations
      .filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id }) => id))`;
    expect(await page.evaluate(serious)).toEqual([]);
    await page.context().close();
  });

  test("shows a report, whoever wrote it, without script and network", async () => {
    const answered: string[] = [];
    const context = await browser.newContext({ locale: "en-GB", serviceWorkers: "block" });
    context.on("response", (response) => answered.push(response.url()));
    const runs = await context.newPage();
    await runs.goto(`${url}#/runs`);
    const [page] = await Promise.all([
      context.waitForEvent("page"),
      runs.getByRole("link", { name: "Report of digits-1" }).click(),
    ]);
    await page.getByRole("heading", { name: "A report" }).waitFor();
    answered.length = 0;
    await page.reload();
    await page.getByRole("heading", { name: "A report" }).waitFor();
    expect(await page.title()).toBe("as it was written");
    const style = "getComputedStyle(document.querySelector('h1')).color";
    expect(await page.evaluate(style)).toBe("rgb(0, 128, 0)");
    expect(await page.evaluate("document.querySelector('img.inside').naturalWidth")).toBe(1);
    expect(answered.filter((address) => !address.startsWith("data:"))).toEqual([page.url()]);
    await context.close();
  });

  test("carries the licenses of all that it bundles", async () => {
    const page = await open();
    const [text] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("link", { name: "Licenses" }).click(),
    ]);
    const licenses = await text.locator("body").innerText();
    const { devDependencies } = JSON.parse(await readFile(resolve(root, "studio/package.json"), "utf8"));
    const bundled = ["ductus", "mnist", ...Object.keys(devDependencies).filter((name) => name !== "vite")];
    for (const name of bundled) expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.`, "m"));
    expect(licenses.match(/permission/gi)?.length).toBeGreaterThanOrEqual(bundled.length);
    await page.context().close();
  });

  test("goes on with a text where a model does that", async () => {
    const page = await open();
    await drop(page, "letters.safetensors", await encodeModel(letters()));
    await page.getByRole("heading", { name: "Begin a text" }).waitFor();
    await page.getByLabel("How it begins").fill("abc");
    await page.waitForFunction(`document.querySelectorAll(".bars li").length === 8`);
    await page.getByLabel("Length, in tokens").fill("0");
    await page.getByText("A whole number from 1 to 1,000").waitFor();
    await page.getByLabel("Length, in tokens").fill("20");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.waitForFunction(`document.querySelector("#written").textContent.length === 23`);
    expect(await page.locator("#written").textContent()).toMatch(/^abc[\na-g]{20}$/);
    await page.getByLabel("How it begins").fill("xyz");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.locator("#written .error").waitFor();
    await page.getByText("About this model").click();
    expect(await page.locator(".facts").innerText()).toMatch(/Sees\s+Text\s+Tokens\s+8/);
    expect(await page.locator(".away button").allInnerTexts()).toEqual(["Model file", "ONNX"]);
    await page.context().close();
  });

  test("reads strings where a model does that, without what is for classifiers", async () => {
    const page = await open();
    await drop(page, "strings.safetensors", await encodeModel(strings()));
    await page.getByText("It reads strings of 1, 2, 3.").waitFor();
    expect(await page.locator(".bars li").count()).toBe(0);
    await draw(page, DIGITS["7"]);
    await page.waitForSelector(".bars li.first");
    expect(await page.locator("#answer").textContent()).toMatch(/^[123]+$/);
    expect(await page.getByText("Inside the network").count()).toBe(0);
    expect(await page.getByText("Where it looks").count()).toBe(0);
    await page.getByText("About this model").click();
    expect(await page.locator(".facts").innerText()).toMatch(/Symbols\s+3/);
    expect(await page.locator(".away button").allInnerTexts()).toEqual(["Model file", "ONNX"]);
    // What was opened is there again after a reload.
    await page.reload();
    await page.getByText("It reads strings of 1, 2, 3.").waitFor();
    // Lines of any width as well.
    await drop(page, "lines.safetensors", await encodeModel(createReader("45")));
    await page.getByText("It reads strings of 4, 5.").waitFor();
    await draw(page, DIGITS["7"]);
    await page.waitForSelector(".bars li.first");
    await page.getByText("About this model").click();
    expect(await page.locator(".facts").innerText()).toMatch(/Sees\s+Lines, 28 high\s+Symbols\s+2/);
    await page.context().close();
  });

  test("says in one line what is wrong with a file", async () => {
    const page = await open();
    await drop(page, "notes.txt", Buffer.from("dear diary"));
    await page.getByRole("alert").getByText("notes.txt is neither a model nor a picture").waitFor();
    await drop(page, "broken.onnx", Buffer.from("dear diary"));
    const alert = page.getByRole("alert").getByText(/^broken\.onnx is not a model file/);
    await alert.waitFor();
    expect((await alert.innerText()).split("\n")).toHaveLength(1);
    // And goes on reading with the model that was open.
    await draw(page, DIGITS["7"]);
    await answer(page, "7");
    await page.context().close();
  });

  test("works without a network once it was loaded", async () => {
    const page = await open("draw", { serviceWorkers: "allow" });
    // Once the worker is there, the page loads itself again, to be isolated.
    await page.waitForFunction("navigator.serviceWorker.controller !== null && crossOriginIsolated");
    await page.waitForLoadState("load");
    await page.context().setOffline(true);
    await page.reload();
    await draw(page, DIGITS["7"]);
    await answer(page, "7");
    await page.context().close();
  });

  test("isolates itself, and so has threads, in any folder of a host that sends no headers for it", async () => {
    const files = new Map(
      [...(await readSite(site))].map(([name, bytes]) => [`some/place/${name === "index.html" ? "" : name}`, bytes]),
    );
    const host = await serve(files);
    const context = await browser.newContext({ locale: "en-GB" });
    const page = await context.newPage();
    await page.goto(`${host.address}some/place/`);
    await page.waitForFunction("crossOriginIsolated");
    host.close();
    await page.reload();
    await draw(page, DIGITS["7"]);
    await answer(page, "7");
    await context.close();
  });

  test("axe finds nothing serious in any view, light or dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await open("draw", { colorScheme });
      await draw(page, DIGITS["7"]);
      await page.waitForSelector(".layers li");
      await page.evaluate(axe);
      for (const view of ["draw", "pages", "train", "make", "runs"]) {
        await page.evaluate(`location.hash = "#/${view}"`);
        await page.waitForSelector(`main.${view} h1`);
        const found = (await page.evaluate(`axe.run().then(({ violations }) => violations
          .filter(({ impact }) => impact === "serious" || impact === "critical")
          .map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target).join(", ")))`)) as string[];
        expect(found, `${view}, ${colorScheme}`).toEqual([]);
      }
      await page.context().close();
    }
  });
});
