/** The drawings of reports about classifiers: what was taken for what. */
import * as Plot from "@observablehq/plot";
import type { Classification } from "../task/classify/classification.ts";
import { color, draw } from "./charts.ts";
import type { Markup } from "./html.ts";

/** Classes up to which a confusion matrix has numbers in its cells. */
const NUMBERED = 20;

/** What was taken for what: right ones in one color, mistakes in the other, by their share of the row. */
export function confusionChart(
  classes: Classification["classes"],
  confusion: NonNullable<Classification["confusion"]>,
): Markup {
  const names = classes.map(({ name }) => name);
  const cells = confusion.flatMap((row, actual) => {
    const total = Math.max(1, classes[actual].support);
    return row.map((count, predicted) => ({ actual, predicted, count, share: count / total }));
  });
  const filled = cells.filter(({ count }) => count > 0);
  const isRight = ({ actual, predicted }: (typeof cells)[number]): boolean => actual === predicted;
  const longest = Math.max(...names.map((name) => [...name].length));
  const side = Math.max(380, Math.min(900, 70 + 34 * names.length));
  const place = {
    x: ({ predicted }: (typeof cells)[number]) => predicted,
    y: ({ actual }: (typeof cells)[number]) => actual,
  };
  const ticks = {
    type: "band",
    domain: names.map((_, i) => i),
    tickFormat: (i: number) => names[i],
    tickSize: 0,
    labelArrow: "none",
  } as const;
  const isLong = longest > 3;
  return draw("Confusion matrix", {
    width: side,
    height: side * 0.92,
    marginLeft: Math.min(120, 30 + 7 * longest),
    marginBottom: isLong ? Math.min(120, 30 + 7 * longest) : 40,
    padding: 0.06,
    x: { ...ticks, label: "predicted", ...(isLong && { tickRotate: -45 }) },
    y: { ...ticks, label: "actual" },
    marks: [
      Plot.cell(cells, { ...place, fill: color("faint"), fillOpacity: 0.12, rx: 3 }),
      // A single mistake must be seen beside a thousand right answers: opacity grows with the root of the share.
      Plot.cell(filled, {
        ...place,
        fill: (cell) => color(isRight(cell) ? "one" : "two"),
        fillOpacity: ({ share }) => 0.15 + 0.85 * Math.sqrt(share),
        rx: 3,
        title: ({ actual, predicted, count }) => `${count} × ${names[actual]} taken for ${names[predicted]}`,
      }),
      ...(names.length > NUMBERED
        ? []
        : [
            Plot.text(filled, {
              ...place,
              text: ({ count }) => String(count),
              fill: (cell) => (isRight(cell) ? "var(--on-one)" : "currentColor"),
              fontSize: 11,
            }),
          ]),
    ],
    color: { type: "identity" },
    opacity: { type: "identity" },
  });
}
