/** The drawings of reports about confidence: how far probabilities can be believed, and what is gained by leaving the least sure out. */
import * as Plot from "@observablehq/plot";
import { type Interval, wilsonInterval } from "../metrics/intervals.ts";
import type { Rejection } from "../metrics/rejection.ts";
import type { Reliability, ReliabilityBin } from "../metrics/reliability.ts";
import { color, draw, grid, legend } from "./charts.ts";
import { html, type Markup } from "./html.ts";

/** At a temperature. */
type ScaledReliability = Reliability & { readonly temperature: number };

/** Accuracy against confidence in bins, beside the diagonal on which a calibrated model lies. */
export function reliabilityChart(
  raw: Reliability,
  scaled: ScaledReliability | undefined,
  what = "the softmax of the outputs",
): Markup {
  const spread = ({ accuracy, count }: ReliabilityBin): Interval => wilsonInterval(Math.round(accuracy * count), count);
  const full = ({ bins }: Reliability): Reliability["bins"] => bins.filter(({ count }) => count > 0);
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
  return html`${legend([["one", what], ...after])}${drawing}`;
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
