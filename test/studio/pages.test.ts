/**
 * The view that reads pages as a person uses it, in Chromium: pages come in, are read, corrected, looked through by keyboard alone, and
 * leave as a table and as samples that `ductus finetune` takes. Most pages show bars, which a reader that needs no training counts.
 * Skipped, with a line that says so, without Chromium.
 */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Browser, BrowserContextOptions, Download, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readArchive } from "../../src/formats/archive.ts";
import { encodePng } from "../../src/formats/png.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { readSite } from "../../src/platform/node/static-site.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { encodeModel, TrainedModel } from "../../src/use/trained-model.ts";
import { serve, type TestSite } from "../browser/page.ts";
import { ductus, ensureBuilt } from "../cli/run-cli.ts";
import { chromiumPath, DIGITS, openBrowser } from "../export/draw.ts";
import { bars, box, type Mark, page as paper, tallyReader } from "../read/tally.ts";

const root = resolve(import.meta.dirname, "../..");
const site = resolve(root, "dist/studio");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SERIOUS = `axe.run().then(({ violations }) => violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target).join(", ")))`;

/** A stroke that is no number for a reader of bars. */
const diagonal = (left: number, top: number): Mark[] =>
  Array.from({ length: 10 }, (_, i) => ({ left: left + 4 * i, top: top + 4 * i, width: 6, height: 6 }));

/** The lines of a square grid. */
const lattice = (left: number, top: number, side: number, cells: number): Mark[] =>
  Array.from({ length: cells + 1 }, (_, i) => [
    { left, top: top + i * side, width: cells * side + 3, height: 3 },
    { left: left + i * side, top, width: 3, height: cells * side + 3 },
  ]).flat();

/** Strokes of digits, with a wide pen. */
const written = (digits: readonly (keyof typeof DIGITS)[]): Mark[] =>
  digits.flatMap((digit, k) =>
    DIGITS[digit].slice(1).flatMap((to, i) => {
      const from = DIGITS[digit][i];
      return Array.from({ length: 40 }, (_, n) => ({
        left: Math.round(100 + 70 * k + 110 * (from[0] + ((to[0] - from[0]) * n) / 39)),
        top: Math.round(100 + 110 * (from[1] + ((to[1] - from[1]) * n) / 39)),
        ...{ width: 8, height: 8 },
      }));
    }),
  );

const LINES = [
  ...[...bars(3, 100, 80), ...diagonal(400, 80), ...bars(4, 100, 200)],
  ...[...bars(2, 400, 200), ...bars(6, 100, 320), ...bars(5, 400, 320)],
];

async function png(width: number, height: number, marks: readonly Mark[]): Promise<Buffer> {
  const picture = paper(width, height, marks);
  return Buffer.from(await encodePng({ ...picture, data: Uint8Array.from(picture.data), channels: 1 }));
}

interface Given {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const typeOf = (name: string): string => (name.endsWith(".png") ? "image/png" : "");

describe.skipIf(chromiumPath === undefined)("reading pages in the studio", { timeout: 180_000 }, () => {
  let browser: Browser;
  let host: TestSite;
  let cwd: string;
  let tally: Given;
  const errors: string[] = [];

  const open = async (options: BrowserContextOptions = {}, view = "pages"): Promise<Page> => {
    const context = await browser.newContext({ locale: "en-GB", serviceWorkers: "block", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on("pageerror", ({ message }) => errors.push(message));
    await page.goto(`${host.address}studio/#/${view}`);
    await page.waitForSelector(`main.${view} h1`);
    return page;
  };

  /** Files that are let fall on the page, or pasted into it. */
  const give = (page: Page, files: readonly Given[], how: "drop" | "paste" = "drop"): Promise<unknown> => {
    const given = files.map(({ name, bytes }) => [name, typeOf(name), Buffer.from(bytes).toString("base64")]);
    return page.evaluate(`(() => {
      const data = new DataTransfer();
      for (const [name, type, text] of ${JSON.stringify(given)}) {
        const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        data.items.add(new File([bytes], name, { type }));
      }
      const options = { bubbles: true, cancelable: true };
      if (${how === "paste"}) {
        document.body.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: data }));
        return;
      }
      for (const kind of ["dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(kind, { ...options, dataTransfer: data }));
      }
    })()`);
  };

  /** What stands in the list and in grids beside the page. */
  const shown = async (page: Page, count: number): Promise<string[]> => {
    await page.waitForFunction(
      `!document.querySelector(".reading-progress progress") && document.querySelectorAll(".answer-place").length === ${count}`,
    );
    return page.locator(".answer-place b").allInnerTexts();
  };

  const saved = async (page: Page, name: string): Promise<Buffer> => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
    return readFile(await download.path());
  };

  beforeAll(async () => {
    ensureBuilt();
    setPlatform(nodePlatform);
    cwd = await mkdtemp(join(tmpdir(), "ductus-studio-pages-"));
    tally = { name: "tally.safetensors", bytes: await encodeModel(TrainedModel.of(tallyReader())) };
    const files = [...(await readSite(site))].map(
      ([name, bytes]) => [`studio/${name === "index.html" ? "" : name}`, bytes] as const,
    );
    host = await serve(new Map(files));
    browser = await openBrowser();
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    host?.close();
    await rm(cwd, { recursive: true, force: true });
    expect(errors, "in the console").toEqual([]);
  });

  test("reads a page, keeps corrections over a reload, and gives them away as a table and as lines to learn from", async () => {
    const page = await open();
    await give(page, [tally, { name: "lines.png", bytes: await png(800, 500, LINES) }]);
    expect(await shown(page, 6)).toEqual(["111", "nothing", "1111", "11", "111111", "11111"]);
    expect(await page.locator("select option:checked").innerText()).toBe("tally");

    // Pointing shows more, choosing leads to the field.
    const places = page.locator(".place");
    await places.nth(1).hover();
    expect(await page.locator(".tip").innerText()).toContain("no number");
    await places.nth(0).click();
    const field = page.getByLabel("What stands here");
    await page.waitForFunction(`document.activeElement?.name === "reads"`);
    expect(await field.inputValue()).toBe("111");
    await page.keyboard.type("11");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Number 2" }).waitFor();
    expect(await page.locator(".place").nth(0).getAttribute("class")).toContain("person");
    // Arrows leave what was not typed as it was.
    await page.waitForFunction(`document.activeElement?.name === "reads"`);
    await page.keyboard.press("ArrowDown");
    await page.getByRole("heading", { name: "Number 3" }).waitFor();
    await page.waitForFunction(`document.activeElement?.name === "reads"`);
    for (const next of ["Number 4", "Number 5", "Number 6"]) {
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: next }).waitFor();
      await page.waitForFunction(`document.activeElement?.name === "reads"`);
    }
    await page.keyboard.press("Enter");
    await page.getByText("5 lines that you looked at").waitFor();

    await page.reload();
    expect(await shown(page, 6)).toEqual(["11", "nothing", "1111", "11", "111111", "11111"]);
    const table = (await saved(page, "Save what was read as a CSV file")).toString();
    const rows = table
      .trim()
      .split("\n")
      .map((line) => line.split(","));
    expect(rows[0].join()).toBe("file,place,text,probability,refused,left,top,width,height,corrected");
    expect(rows.slice(1).map((row) => [row[0], row[1], row[2], row[4], row[9]].join())).toEqual([
      "lines.png,1,11,,changed",
      "lines.png,2,,no number,",
      "lines.png,3,1111,,confirmed",
      "lines.png,4,11,,confirmed",
      "lines.png,5,111111,,confirmed",
      "lines.png,6,11111,,confirmed",
    ]);

    const zip = await saved(page, "Save as ZIP");
    await page.context().close();
    const { files } = await readArchive(zip, "zip", { entries: 100, bytes: 1e7, fileBytes: 1e7 });
    const folder = join(cwd, "corrections");
    for (const [name, bytes] of files) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), bytes);
    }
    expect(await readFile(join(folder, "lines.csv"), "utf8")).toBe(
      "file,text\nlines/0001.png,11\nlines/0002.png,1111\nlines/0003.png,11\nlines/0004.png,111111\nlines/0005.png,11111\n",
    );
  });

  test("finetune takes what was corrected, and the reader that comes with Ductus by its name", async () => {
    const words = ["finetune", "reader", "--data", "corrections", "--epochs", "1", "--out", "better", "--json"];
    const { status, out, err } = await ductus(cwd, ...words);
    expect(status, err).toBe(0);
    expect((JSON.parse(out) as { run: string }).run).toBe("better");
  });

  test("looks through what was not sure by keyboard alone, and says where one is", async () => {
    const page = await open();
    const marks = [...bars(2, 100, 80), ...diagonal(400, 80), ...diagonal(100, 200), ...diagonal(400, 200)];
    await give(page, [tally, { name: "odd.png", bytes: await png(800, 500, marks) }]);
    await shown(page, 4);
    const heard = (pattern: RegExp): Promise<unknown> =>
      page.waitForFunction(
        `${pattern}.test(document.querySelector("p[aria-live]").textContent) && document.activeElement?.className === "review"`,
      );
    await page.getByRole("link", { name: "Look through 3" }).focus();
    await page.keyboard.press("Enter");
    await heard(/^1 of 3\. Number 2: nothing, no number/);
    // A digit takes what else it may be; the first of these is one bar.
    expect(await page.locator(".choice b").first().innerText()).toBe("1");
    await page.keyboard.press("1");
    await heard(/^2 of 3\. Number 3/);
    await page.keyboard.press("ArrowLeft");
    await heard(/^1 of 3/);
    expect(await page.getByLabel("What stands here").inputValue()).toBe("1");
    await page.keyboard.press("ArrowRight");
    await heard(/^2 of 3/);
    await page.keyboard.press("s");
    await heard(/^3 of 3/);
    await page.keyboard.press("t");
    await page.keyboard.type("111");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Looked through: 2 numbers." }).waitFor();
    await page.waitForFunction(`document.activeElement?.textContent === "Back to the pages"`);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await heard(/^1 of 1\. Number 3/);
    await page.keyboard.press("n");
    await page.getByRole("heading", { name: "Looked through: 1 number." }).waitFor();
    await page.waitForFunction(`document.activeElement?.textContent === "Back to the pages"`);
    await page.keyboard.press("Enter");
    expect(await shown(page, 4)).toEqual(["11", "1", "nothing", "111"]);
    expect(await page.getByRole("link", { name: /Look through/ }).count()).toBe(0);
    await page.context().close();
  });

  test("shows a grid as a grid, through which arrow keys lead", async () => {
    const page = await open();
    const marks = [...lattice(100, 100, 60, 3), ...bars(1, 125, 112), ...bars(2, 240, 172)];
    await give(page, [tally, { name: "grid.png", bytes: await png(800, 500, marks) }]);
    expect(await shown(page, 9)).toEqual(["1", "", "", "", "", "11", "", "", ""]);
    expect(await page.locator(".answer-grid tr").count()).toBe(3);
    await page.locator(".answer-grid .answer-place").first().focus();
    for (const key of ["ArrowRight", "ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
    await page.getByRole("heading", { name: "Row 2, column 3" }).waitFor();
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toMatch(
      /^Row 2, column 3: 11, \d+\.\d% sure$/,
    );
    await page.context().close();
  });

  test("reads the fields of a form that comes with its picture, by name", async () => {
    // Boxes and bars as they would be printed, nowhere the same twice.
    const at = (k: number): [number, number, number, number] => [
      ...([30 + 190 * (k % 4) + ((7 * k) % 19), 40 + 120 * (k >> 2) + ((11 * k) % 23)] as const),
      ...([100 + ((13 * k) % 47), 50] as const),
    ];
    const printed = Array.from({ length: 16 }, (_, k) => [
      ...box(...at(k)),
      ...bars(1 + (k % 3), 40 + 190 * (k % 4) + ((17 * k) % 41), 10 + 120 * (k >> 2), 14 + (k % 5)),
    ]).flat();
    const filled = [...printed, ...bars(3, at(0)[0] + 16, at(0)[1] + 8, 34)];
    const form = {
      picture: "blank.png",
      fields: [
        { name: "first", box: at(0), length: 3 },
        { name: "second", box: at(5) },
      ],
    };
    const json = { name: "form.json", bytes: Buffer.from(JSON.stringify(form)) };
    const page = await open();
    await give(page, [tally, json]);
    await page.getByRole("alert").getByText("form.json needs its picture").waitFor();
    await give(page, [
      json,
      { name: "blank.png", bytes: await png(820, 540, printed) },
      { name: "filled.png", bytes: await png(820, 540, filled) },
    ]);
    expect(await shown(page, 2)).toEqual(["111", "nothing"]);
    expect(await page.locator(".answer-list .where").allInnerTexts()).toEqual(["first", "second"]);
    await page.getByText("Form: form.json, 2 fields").waitFor();
    // It is there after a reload, and pages are read anew without it.
    await page.reload();
    await page.getByRole("button", { name: "Read without the form" }).click();
    await page.waitForFunction(`document.querySelectorAll(".place").length > 2`);
    await page.context().close();
  });

  test("makes a form of a picture: printed boxes are taken, others drawn, named and given rules", async () => {
    const page = await open();
    const printed = [...box(60, 60, 160, 50), ...box(300, 150, 120, 50), ...box(90, 260, 200, 60)];
    const blank = await png(800, 500, printed);
    await page
      .locator('input[type="file"]')
      .nth(1)
      .setInputFiles({ name: "blank.png", mimeType: "image/png", buffer: blank });
    await page.getByRole("heading", { name: "Make a form" }).waitFor();
    await page.getByRole("button", { name: "Take 3 printed boxes" }).click();
    expect(await page.locator(".form-field").count()).toBe(3);
    const first = page.locator(".form-field").first();
    await first.getByLabel("Name").fill("postcode");
    await first.getByLabel("Length").fill("5");
    // One that is not printed, on paper.
    const stage = await page.locator(".stage").boundingBox();
    if (stage === null) throw new Error("there is no picture to draw on");
    const scale = stage.width / 800;
    await page.mouse.move(stage.x + 500 * scale, stage.y + 300 * scale);
    await page.mouse.down();
    await page.mouse.move(stage.x + 700 * scale, stage.y + 340 * scale, { steps: 4 });
    await page.mouse.up();
    await page.waitForFunction(`document.activeElement?.id.startsWith("name-")`);
    await page.keyboard.press("Control+a");
    await page.keyboard.type("postcode");
    const last = page.locator(".form-field").last();
    await page.getByRole("button", { name: "Save form.json" }).click();
    await page.getByRole("alert").getByText('two fields named "postcode"').waitFor();
    await last.getByLabel("Name").fill("sum");
    await last.getByLabel("Pattern").fill("\\d+,\\d\\d");
    await last.getByLabel("Checksum").selectOption("luhn");
    const downloads: Download[] = [];
    page.on("download", (download) => downloads.push(download));
    await page.getByRole("button", { name: "Save form.json" }).click();
    await expect.poll(() => downloads.length, { timeout: 60_000 }).toBe(2);
    expect(downloads.map((download) => download.suggestedFilename())).toEqual(["form.json", "blank.png"]);
    const { picture, fields } = JSON.parse(await readFile(await downloads[0].path(), "utf8")) as {
      picture: string;
      fields: { name: string; box: number[]; length?: number; pattern?: string; checksum?: string }[];
    };
    expect(picture).toBe("blank.png");
    expect(fields.map(({ name }) => name)).toEqual(["postcode", "field 2", "field 3", "sum"]);
    expect(fields[0]).toMatchObject({ length: 5 });
    expect(fields[3]).toMatchObject({ pattern: "\\d+,\\d\\d", checksum: "luhn" });
    for (const [i, side] of [500, 300, 200, 40].entries()) {
      expect(Math.abs(fields[3].box[i] - side)).toBeLessThanOrEqual(2);
    }
    await page.getByRole("button", { name: "Read pages by it" }).click();
    await page.getByText("Form: blank.png, 4 fields").waitFor();
    await page.context().close();
  });

  test("takes several pages by drop and paste, and says of each file what is wrong with it", async () => {
    const page = await open();
    const names = ["a.png", "b.png"];
    await give(page, [
      tally,
      { name: "notes.txt", bytes: Buffer.from("dear diary") },
      { name: "broken.png", bytes: Buffer.from("no picture") },
      ...(await Promise.all(
        names.map(async (name, i) => ({ name, bytes: await png(600, 300, bars(i + 2, 100, 80)) })),
      )),
    ]);
    await page.getByRole("alert").getByText("notes.txt is no picture of a page").waitFor();
    await page
      .locator(".answer-side .error")
      .getByText(/picture/)
      .waitFor();
    await give(page, [{ name: "c.png", bytes: await png(600, 300, bars(5, 100, 80)) }], "paste");
    expect(await shown(page, 1)).toEqual(["11111"]);
    await page.getByRole("button", { name: "b.png", exact: true }).click();
    expect(await shown(page, 1)).toEqual(["111"]);
    await page.getByRole("button", { name: "Take b.png from the desk" }).click();
    await page.waitForFunction(`document.querySelectorAll(".strip li").length === 3`);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.waitForFunction(`document.querySelectorAll(".strip li").length === 4`);
    await page.context().close();
  });

  test("works without a network once it was loaded, with the reader that comes with it", async () => {
    const page = await open({ serviceWorkers: "allow" });
    // Once the worker is there, the page loads itself again, to be isolated.
    await page.waitForFunction("navigator.serviceWorker.controller !== null && crossOriginIsolated");
    await page.waitForLoadState("load");
    await page.context().setOffline(true);
    await page.reload();
    await page.waitForSelector("main.pages h1");
    await give(page, [{ name: "digits.png", bytes: await png(640, 360, written(["7", "3"])) }]);
    const [text] = await shown(page, 1);
    expect(text).toMatch(/^\d\d$/);
    await page.context().close();
  });

  test("keeps what older versions have kept", async () => {
    const context = await browser.newContext({ locale: "en-GB", serviceWorkers: "block" });
    const page = await context.newPage();
    await page.goto(host.address);
    await page.evaluate(`new Promise((resolve, reject) => {
      const request = indexedDB.open("ductus-studio", 1);
      request.onerror = () => reject(request.error);
      request.onupgradeneeded = ({ target: { result: db } }) => {
        db.createObjectStore("models", { keyPath: "id" }).createIndex("madeAt", "madeAt");
        db.createObjectStore("projects", { keyPath: "id" }).createIndex("changedAt", "changedAt");
        db.createObjectStore("jobs");
      };
      request.onsuccess = ({ target: { result: db } }) => {
        const transaction = db.transaction("projects", "readwrite");
        transaction.objectStore("projects").put({ id: "old", name: "An old one", classes: ["a"], samples: [], changedAt: 1 });
        transaction.oncomplete = () => { db.close(); resolve(); };
      };
    })`);
    await page.goto(`${host.address}studio/#/make`);
    await page.getByText("An old one").waitFor();
    await context.close();
  });

  test("axe finds nothing serious, and nothing scrolls sideways, in both languages, on a desk and on a phone", async () => {
    for (const [locale, colorScheme, width] of [
      ["en-GB", "light", 1280],
      ["zh-CN", "dark", 390],
    ] as const) {
      const page = await open({ locale, colorScheme, viewport: { width, height: 800 } });
      await page.evaluate(axe);
      const check = async (where: string): Promise<void> => {
        expect(await page.evaluate(SERIOUS), `${where}, ${locale}`).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth"), where).toBeLessThanOrEqual(width);
      };
      await check("the empty desk");
      const marks = [...lattice(450, 100, 60, 3), ...bars(1, 475, 112), ...bars(3, 100, 80), ...diagonal(100, 200)];
      await give(page, [tally, { name: "all.png", bytes: await png(800, 500, marks) }]);
      await page.waitForSelector(".place");
      await page.locator(".answer-list .answer-place").first().click();
      await page.waitForSelector(".in-hand");
      await check("the desk");
      await page.locator("a.primary-link").click();
      await page.waitForSelector(".review");
      await check("the queue");
      await page.context().close();
    }
  });
});
