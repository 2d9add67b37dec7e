/** Chromium, where there is one, and a hand that draws in it. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const CANDIDATES = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The program; undefined where there is none, which is said once. */
export const chromiumPath: string | undefined = CANDIDATES.find((path) => path !== undefined && existsSync(path));
if (chromiumPath === undefined)
  console.log("no Chromium here: tests in a browser are skipped (set CHROMIUM to its path)");

export const openBrowser = (...args: readonly string[]): Promise<Browser> =>
  chromium.launch({ ...(chromiumPath && { executablePath: chromiumPath }), args: ["--no-sandbox", ...args] });

type Point = readonly [x: number, y: number];

/** Strokes of some digits, in a square of side 1. */
export const DIGITS = {
  "1": [
    [0.5, 0.18],
    [0.5, 0.82],
  ],
  "3": [
    [0.34, 0.24],
    [0.46, 0.18],
    [0.6, 0.22],
    [0.64, 0.33],
    [0.56, 0.44],
    [0.45, 0.48],
    [0.58, 0.52],
    [0.66, 0.63],
    [0.6, 0.77],
    [0.46, 0.82],
    [0.33, 0.76],
  ],
  "7": [
    [0.3, 0.22],
    [0.7, 0.22],
    [0.6, 0.42],
    [0.5, 0.62],
    [0.44, 0.82],
  ],
  "8": [
    [0.6, 0.25],
    [0.5, 0.18],
    [0.4, 0.25],
    [0.42, 0.38],
    [0.5, 0.47],
    [0.6, 0.57],
    [0.62, 0.72],
    [0.5, 0.82],
    [0.38, 0.72],
    [0.4, 0.57],
    [0.5, 0.47],
    [0.59, 0.37],
    [0.6, 0.25],
  ],
} as const satisfies Record<string, readonly Point[]>;

/** Draws a digit on the page's pad with the mouse. */
export async function draw(page: Page, points: readonly Point[]): Promise<void> {
  // All of it must be within the window, or the mouse misses it.
  await page.locator("#pad").evaluate((pad: Element) => pad.scrollIntoView({ block: "center", behavior: "instant" }));
  const box = await page.locator("#pad").boundingBox();
  if (box === null) throw new Error("the page has no pad");
  const side = Math.min(box.width, box.height);
  const at = ([x, y]: Point): Point => [
    box.x + box.width / 2 + (x - 0.5) * side,
    box.y + box.height / 2 + (y - 0.5) * side,
  ];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 3 });
  await page.mouse.up();
}
