/** A curve in a terminal, drawn with Braille characters: two dots wide and four high each. */

export interface Plot {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  /** Columns and rows of the drawing, without the captions. */
  readonly width: number;
  readonly height: number;
  /** Whether the x axis is logarithmic. */
  readonly isLogarithmic?: boolean | undefined;
  /** An x to point at from below. */
  readonly mark?: number | undefined;
}

/** Dots of a Braille character by [row][column], as bits above U+2800. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

/** The lines of a drawing, the captions of the y axis in front, those of the x axis below. */
export function plot({ xs, ys, width, height, isLogarithmic = false, mark }: Plot): string[] {
  const at = isLogarithmic ? Math.log10 : (x: number) => x;
  const [left, right] = [at(Math.min(...xs)), at(Math.max(...xs))];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const column = (x: number): number => Math.round(((at(x) - left) / (right - left || 1)) * (2 * width - 1));
  const row = (y: number): number => Math.round(((high - y) / (high - low || 1)) * (4 * height - 1));
  const cells = Array.from({ length: height }, () => new Array<number>(width).fill(0));
  const dot = (x: number, y: number): void => {
    cells[y >> 2][x >> 1] |= DOTS[y % 4][x % 2];
  };
  for (let i = 0; i < xs.length; i++) {
    const [toX, toY] = [column(xs[i]), row(ys[i])];
    const [fromX, fromY] = i === 0 ? [toX, toY] : [column(xs[i - 1]), row(ys[i - 1])];
    const steps = Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY), 1);
    for (let s = 0; s <= steps; s++) {
      dot(Math.round(fromX + ((toX - fromX) * s) / steps), Math.round(fromY + ((toY - fromY) * s) / steps));
    }
  }
  const captions = cells.map((_, i) => (i === 0 ? short(high) : i === height - 1 ? short(low) : ""));
  const room = Math.max(...captions.map((caption) => caption.length));
  const lines = cells.map(
    (line, i) => `${captions[i].padStart(room)} │${String.fromCodePoint(...line.map((bits) => 0x2800 + bits))}`,
  );
  const [first, last] = [short(Math.min(...xs)), short(Math.max(...xs))];
  const axis = new Array<string>(width).fill("─");
  if (mark !== undefined) axis[Math.min(width - 1, column(mark) >> 1)] = "▲";
  return [
    ...lines,
    `${"".padStart(room)} └${axis.join("")}`,
    `${"".padStart(room)}  ${first}${last.padStart(width - first.length)}`,
  ];
}

/** Two or three digits: 0.0012, 1e-6, 2.3. */
function short(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(0).replace("e+", "e") : String(Number(value.toPrecision(3)));
}
