/**
 * The exported page that reads photographs, in a real browser, offline and from a file: files, what is dropped and pasted, the camera; what it
 * says of pictures that cannot be read. Skipped, with a line that says so, where there is no Chromium.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../../src/index.ts";
import { exportModel } from "../../src/export/export-model.ts";
import { encodePng } from "../../src/formats/png.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { boxAround } from "../../src/read/answers.ts";
import { PageReader } from "../../src/read/page-reader.ts";
import { loadPackaged } from "../../src/use/packaged.ts";
import { DrawnPage } from "../page/drawing.ts";
import { bars, box, page as marks, tallyReader } from "../read/tally.ts";
import { chromiumPath, openBrowser } from "./draw.ts";

const SLOW = 600_000;
const png = async (picture: Picture): Promise<Uint8Array> =>
  encodePng({ ...picture, data: Uint8Array.from(picture.data), channels: 1 });

/** Bars in three places, an empty box, and three bars struck out. */
const TALLIES = marks(900, 600, [
  ...bars(3, 100, 80),
  ...bars(5, 400, 86),
  ...box(100, 200, 220, 70),
  ...bars(5, 505, 320),
  { left: 490, top: 337, width: 150, height: 5 },
]);
const NUMBERS = new DrawnPage()
  .number("2718", 120, 160, 60, { pen: 5, gap: 0.45 })
  .number("305", 520, 330, 60, { pen: 5, gap: 0.45 })
  .photograph(900, 500, { noise: 2 });
const REAL = join(process.env.DUCTUS_DATA ?? "", "pages", "card2.png");

describe.skipIf(chromiumPath === undefined)("in Chromium", () => {
  const folder = mkdtempSync(join(tmpdir(), "ductus-reading-"));
  let browser: Browser;

  beforeAll(async () => {
    for (const [name, model] of [
      ["tallies", tallyReader()],
      ["numbers", await loadPackaged("reader")],
    ] as const) {
      const { files } = await exportModel(model, "html", { name });
      for (const [file, content] of files) writeFileSync(join(folder, file), content);
    }
    const pictures = {
      "tallies.png": TALLIES,
      "numbers.png": NUMBERS,
      "empty.png": marks(900, 600, []),
      "blurred.png": new DrawnPage().number("2718", 120, 160, 60, { pen: 5 }).photograph(900, 500, { blur: 14 }),
    };
    for (const [name, picture] of Object.entries(pictures)) writeFileSync(join(folder, name), await png(picture));
    writeFileSync(join(folder, "notes.txt"), "not a picture");
    browser = await openBrowser("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream");
  }, SLOW);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The page without any network; what goes wrong in it is a failure here. */
  async function opened(name: string, viewport = { width: 1280, height: 800 }, colorScheme?: "dark") {
    const context = await browser.newContext({ viewport, offline: true, ...(colorScheme && { colorScheme }) });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", ({ message }) => errors.push(message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(`file://${join(folder, name)}.html`);
    return { context, page, errors };
  }
  const done = (page: Page): Promise<void> => page.locator("#progress").waitFor({ state: "hidden", timeout: SLOW });
  const readFile = async (page: Page, path: string): Promise<void> => {
    await page.setInputFiles("#file", path);
    await done(page);
  };

  it.each([
    ["desktop", { width: 1280, height: 800 }, undefined],
    ["phone", { width: 390, height: 844 }, "dark"],
  ] as const)(
    "finds and reads what ductus read does, and shows it where it stands, at the size of a %s",
    async (_, viewport, scheme) => {
      const { context, page, errors } = await opened("tallies", viewport, scheme);
      await readFile(page, join(folder, "tallies.png"));
      const reader = await PageReader.open(tallyReader());
      const { numbers } = await reader.read(TALLIES);
      await reader.close();
      const shown = numbers.filter(({ refused }) => refused !== "nothing there");
      expect(shown.map(({ refused }) => refused)).toEqual([undefined, undefined, "struck out"]);
      expect(await page.locator("#numbers .text").allInnerTexts()).toEqual(shown.map(({ text }) => text));
      expect(await page.locator("#numbers .refused .why").innerText()).toContain("struck out");
      expect(await page.locator("#status").innerText()).toMatch(/^2 numbers read\s+1 to look at, 1 empty place$/);
      expect(await page.locator("#overlay g.refused").count()).toBe(1);
      // Boxes lie on the picture as it is shown.
      const picture = await page.locator("#picture").boundingBox();
      const polygons = await page.locator("#overlay polygon").all();
      expect(polygons).toHaveLength(shown.length);
      for (const [i, polygon] of polygons.entries()) {
        const found = await polygon.boundingBox();
        const scale = (picture?.width ?? 0) / TALLIES.width;
        const [left, top, width] = boxAround(shown[i].quad);
        expect(Math.abs((found?.x ?? 0) - (picture?.x ?? 0) - left * scale)).toBeLessThan(4);
        expect(Math.abs((found?.y ?? 0) - (picture?.y ?? 0) - top * scale)).toBeLessThan(4);
        expect(Math.abs((found?.width ?? 0) - width * scale)).toBeLessThan(6);
      }
      const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(widths[0]).toBe(widths[1]);
      expect(errors).toEqual([]);
      await context.close();
    },
    SLOW,
  );

  it(
    "what is chosen in the list is marked on the picture, and the other way",
    async () => {
      const { context, page } = await opened("tallies");
      await readFile(page, join(folder, "tallies.png"));
      await page.locator("#numbers button").nth(1).focus();
      expect(await page.locator("#overlay g").nth(1).getAttribute("class")).toContain("current");
      await page.locator("#overlay g").nth(2).dispatchEvent("click");
      expect(await page.locator("#numbers button").nth(2).getAttribute("class")).toBe("refused current");
      expect(await page.locator("#overlay .current").count()).toBe(1);
      await context.close();
    },
    SLOW,
  );

  it(
    "copies the table that ductus read --csv writes",
    async () => {
      const { context, page } = await opened("tallies");
      await readFile(page, join(folder, "tallies.png"));
      await page.evaluate(() => {
        // Whatever the page uses to copy, this is where it ends.
        navigator.clipboard.writeText = async (text) => {
          document.title = text;
        };
      });
      await page.getByRole("button", { name: "Copy as CSV" }).click();
      const copied = () => page.evaluate(() => document.querySelector("title")?.textContent ?? "");
      await expect.poll(copied, { timeout: SLOW }).toContain("probability");
      const table = await copied();
      const [head, ...rows] = table.trim().split(/\r?\n/);
      expect(head).toBe("file,place,text,probability,refused,left,top,width,height");
      expect(rows.map((row) => row.split(",").slice(0, 3).join())).toEqual([
        "tallies.png,1,111",
        "tallies.png,2,11111",
        "tallies.png,3,",
        "tallies.png,4,11111",
      ]);
      expect(rows[3]).toContain("struck out");
      await context.close();
    },
    SLOW,
  );

  it(
    "takes what is dropped, pasted and photographed; what is read last counts",
    async () => {
      const { context, page, errors } = await opened("tallies");
      const bytes = [...readFileSync(join(folder, "tallies.png"))];
      const give = (type: "drop" | "paste"): Promise<void> =>
        page.evaluate(
          ([type, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([Uint8Array.from(bytes as number[])], "given.png", { type: "image/png" }));
            const about = type === "drop" ? { dataTransfer: data } : { clipboardData: data };
            const Kind = type === "drop" ? DragEvent : ClipboardEvent;
            dispatchEvent(new Kind(type as string, about));
          },
          [type, bytes] as const,
        );
      for (const type of ["drop", "paste"] as const) {
        await readFile(page, join(folder, "empty.png"));
        expect(await page.locator("#numbers li").count()).toBe(0);
        await give(type);
        await page.setInputFiles("#file", join(folder, "empty.png"));
        await give(type);
        await done(page);
        expect(await page.locator("#numbers .text").allInnerTexts()).toEqual(["111", "11111", "11111"]);
      }
      await page.getByRole("button", { name: "Take a photograph" }).click();
      await page
        .locator("#view")
        .evaluate((view) => new Promise((resolve) => view.addEventListener("playing", resolve, { once: true })));
      await page.getByRole("button", { name: "Take it" }).click();
      await expect.poll(() => page.locator("#camera").getAttribute("open"), { timeout: SLOW }).toBeNull();
      await done(page);
      expect(
        await page.locator("#picture").evaluate((image) => (image as HTMLImageElement).naturalWidth),
      ).toBeGreaterThan(100);
      expect(errors).toEqual([]);
      await context.close();
    },
    SLOW,
  );

  it(
    "says of each picture that cannot be relied on what is wrong",
    async () => {
      const { context, page, errors } = await opened("tallies");
      for (const [file, message] of [
        ["notes.txt", /^notes\.txt: cannot read the picture; expected a whole PNG/],
        ["empty.png", /^No number found/],
        ["blurred.png", /blurred/],
      ] as const) {
        await readFile(page, join(folder, file));
        await expect.poll(() => page.locator("#problem").innerText(), { timeout: SLOW }).toMatch(message);
      }
      await readFile(page, join(folder, "tallies.png"));
      expect(await page.locator("#problem").isVisible()).toBe(false);
      expect(errors).toEqual([]);
      await context.close();
    },
    SLOW,
  );

  it(
    "the reader that comes with Ductus reads digits, and a real card where there is one",
    async () => {
      const { context, page } = await opened("numbers");
      await readFile(page, join(folder, "numbers.png"));
      const reader = await PageReader.open();
      const { numbers } = await reader.read(NUMBERS);
      await reader.close();
      expect(numbers.length).toBe(2);
      expect(await page.locator("#numbers .text").allInnerTexts()).toEqual(numbers.map(({ text }) => text));
      if (existsSync(REAL)) {
        await readFile(page, REAL);
        expect(await page.locator("#numbers .text").allInnerTexts()).toEqual([
          "12345",
          "6879",
          "88888",
          "66666",
          "77777",
        ]);
      }
      await context.close();
    },
    SLOW,
  );
});
