/** The drawings of reports about classifiers: what was taken for what, and how far probabilities can be believed. */
import * as Plot from "@observablehq/plot";
import { type Interval, wilsonInterval } from "../metrics/intervals.ts";
import type { Calibration, ReliabilityBin } from "../task/classify/calibration.ts";
import type { Classification } from "../task/classify/classification.ts";
import type { Rejection } from "../task/classify/rejection.ts";
import { color, draw, grid, legend } from "./charts.ts";
import { html, type Markup } from "./html.ts";

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

/** Accuracy against confidence in bins, beside the diagonal on which a calibrated model lies. */
export function reliabilityChart(raw: Calibration, scaled: Calibration | undefined): Markup {
  const spread = ({ accuracy, count }: ReliabilityBin): Interval => wilsonInterval(Math.round(accuracy * count), count);
  const full = ({ bins }: Calibration): Calibration["bins"] => bins.filter(({ count }) => count > 0);
  const drawing = draw("Reliability diagram", {
    height: 320,
    x: { ...grid, label: "confidence, %", domain: [0, 100] },
    y: { ...grid, label: "right, %", domain: [0, 100] },
    marks: [
      Plot.rectY(full(raw), {
        x1: ({ low }) => 100 * low,
        x2: ({ high }) => 100 * high,
        y: ({ accuracy }) => 100 * accuracy,
        fill: color("one"),
        fillOpacity: 0.3,
        inset: 1,
        title: ({ count, accuracy, confidence }) =>
          `${count} samples: ${(100 * accuracy).toFixed(1)} % right at ${(100 * confidence).toFixed(1)} % confidence`,
      }),
      Plot.ruleX(full(raw), {
        x: ({ confidence }) => 100 * confidence,
        y1: (bin) => 100 * spread(bin).low,
        y2: (bin) => 100 * spread(bin).high,
        stroke: color("one"),
        strokeWidth: 1.5,
      }),
      Plot.line(
        [
          [0, 0],
          [100, 100],
        ],
        { stroke: "currentColor", strokeDasharray: "3,4", strokeOpacity: 0.6 },
      ),
      Plot.dot(full(raw), {
        x: ({ confidence }) => 100 * confidence,
        y: ({ accuracy }) => 100 * accuracy,
        fill: color("one"),
        r: 3.5,
      }),
      ...(scaled === undefined
        ? []
        : [
            Plot.dot(full(scaled), {
              x: ({ confidence }) => 100 * confidence,
              y: ({ accuracy }) => 100 * accuracy,
              stroke: color("two"),
              strokeWidth: 2,
              r: 3.5,
            }),
          ]),
    ],
  });
  const after = scaled === undefined ? [] : ([["two", `at temperature ${scaled.temperature.toPrecision(3)}`]] as const);
  return html`${legend([["one", "the softmax of the outputs"], ...after])}${drawing}`;
}

/** Accuracy of what is answered, as the least sure are left out. */
export function rejectionChart({ curve }: Rejection): Markup {
  // The first few answers jump about.
  const points = curve.filter(({ coverage }) => coverage >= 0.02);
  const least = Math.min(...points.map(({ accuracy }) => accuracy));
  return draw("Accuracy against coverage", {
    height: 320,
    x: { ...grid, label: "answered, %", domain: [0, 100] },
    y: { ...grid, label: "right of these, %", domain: [Math.max(0, 100 * least - 0.2), 100] },
    marks: [
      Plot.areaY(points, {
        x: ({ coverage }) => 100 * coverage,
        y1: Math.max(0, 100 * least - 0.2),
        y2: ({ accuracy }) => 100 * accuracy,
        fill: color("one"),
        fillOpacity: 0.12,
      }),
      Plot.lineY(points, {
        x: ({ coverage }) => 100 * coverage,
        y: ({ accuracy }) => 100 * accuracy,
        stroke: color("one"),
        strokeWidth: 2,
      }),
    ],
  });
}
