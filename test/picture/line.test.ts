/** Lines of writing as a reader sees them: ink of one height, whatever the size, the ground and the side of the ink. */
import { describe, expect, it } from "vitest";
import { LINE, lineOf } from "../../src/picture/line.ts";
import type { Picture } from "../../src/picture/picture.ts";

/** Dark bars on paper: upright strokes of a height, `at` so many pixels from the left. */
function bars(options: { scale?: number; paper?: number; ink?: number; top?: number; margin?: number } = {}): Picture {
  const { scale = 1, paper = 235, ink = 40, top = 10, margin = 12 } = options;
  const [width, height] = [(2 * margin + 100) * scale, (2 * top + 40) * scale];
  const data = new Uint8Array(width * height).fill(paper);
  for (const left of [0, 30, 60, 95]) {
    for (let y = top * scale; y < (top + 40) * scale; y++) {
      data.fill(ink, y * width + (margin + left) * scale, y * width + (margin + left + 5) * scale);
    }
  }
  return { width, height, channels: 1, data };
}

/** Darkest pixel of each column. */
function columnsOf({ pixels, columns }: { pixels: Uint8Array; columns: number }): number[] {
  return Array.from({ length: columns }, (_, x) =>
    Math.max(...pixels.subarray(x * LINE.height, (x + 1) * LINE.height)),
  );
}

describe("a line", () => {
  it("has its ink at the height that the reader knows, with paper around it", () => {
    const line = lineOf(LINE, bars());
    expect(line.columns).toBe(LINE.before + Math.round((100 * LINE.ink) / 40) + LINE.after);
    expect(line.pixels.length).toBe(line.columns * LINE.height);
    const rows = Array.from({ length: LINE.height }, (_, y) => line.pixels[(LINE.before + 1) * LINE.height + y] > 128);
    expect(rows.indexOf(true)).toBe((LINE.height - LINE.ink) / 2);
    expect(rows.filter(Boolean).length).toBe(LINE.ink);
    const ink = columnsOf(line);
    expect(ink.slice(0, LINE.before).every((value) => value === 0)).toBe(true);
    expect(ink.slice(-LINE.after).every((value) => value === 0)).toBe(true);
    expect(ink.filter((value, x) => value > 128 && !(ink[x - 1] > 128)).length).toBe(4);
  });

  it("is about the same for any size, ground, margin and side of the ink", () => {
    const first = lineOf(LINE, bars());
    for (const other of [
      bars({ scale: 4 }),
      bars({ paper: 180, ink: 90 }),
      bars({ paper: 10, ink: 240 }),
      bars({ top: 25, margin: 40 }),
    ]) {
      const line = lineOf(LINE, other);
      expect(Math.abs(line.columns - first.columns)).toBeLessThanOrEqual(1);
      const difference = line.pixels.reduce((sum, value, i) => sum + Math.abs(value - (first.pixels[i] ?? 0)), 0);
      expect(difference / first.pixels.length).toBeLessThan(6);
    }
  });

  it("says where its columns lie in the picture", () => {
    const picture = bars({ scale: 3, margin: 20 });
    const line = lineOf(LINE, picture);
    const first = columnsOf(line).findIndex((value) => value > 128);
    expect(Math.abs(line.left + line.scale * first - 60)).toBeLessThan(4);
    expect(Math.abs(line.left + line.scale * (line.columns - LINE.after) - 360)).toBeLessThan(4);
  });

  it("keeps a minus alone lower than digits, and thin strokes of large pictures visible", () => {
    const minus: Picture = { width: 60, height: 60, channels: 1, data: new Uint8Array(3600).fill(240) };
    for (let y = 28; y < 32; y++) minus.data.fill(20, y * 60 + 15, y * 60 + 45);
    const seen = lineOf(LINE, minus).pixels;
    const rows = Array.from({ length: LINE.height }, (_, y) => seen[10 * LINE.height + y] > 100).filter(Boolean).length;
    expect(rows).toBeLessThan(LINE.ink / 2);

    const thin: Picture = { width: 600, height: 150, channels: 1, data: new Uint8Array(90_000).fill(240) };
    for (let y = 15; y < 135; y++) for (const x of [50, 300, 550]) thin.data[y * 600 + x] = 60;
    expect(columnsOf(lineOf(LINE, thin)).filter((value) => value > 150).length).toBeGreaterThanOrEqual(3);
  });

  it("is empty where there is no ink", () => {
    const blank = lineOf(LINE, { width: 90, height: 30, channels: 1, data: new Uint8Array(2700).fill(230) });
    expect(blank.columns).toBe(LINE.before + LINE.after);
    expect(blank.pixels.every((value) => value === 0)).toBe(true);
  });
});
