/** Pictures that any network learns in no time, as a CSV file: a bright bar in one of three thirds of 28×28 pixels. */
import { Random } from "../../src/engine/random.ts";

export const NAMES = ["left", "middle", "right"];

/** @param names of the thirds from left to right */
export function barsCsv(count: number, names: readonly string[] = NAMES): string {
  const random = new Random(1, "user");
  const rows = Array.from({ length: count }, (_, i) => {
    const pixels = Array.from({ length: 784 }, (_, p) => {
      const isBar = Math.floor((p % 28) / 9.4) === i % 3 && p > 28 * 4 && p < 28 * 24;
      return isBar ? 150 + random.integer(100) : 0;
    });
    return [names[i % 3], ...pixels].join(",");
  });
  return `${rows.join("\n")}\n`;
}
