/**
 * The drawings of reports, by Observable Plot, as SVG text written once: no script runs in the page. Colours are CSS variables
 * of the page (style.ts), so one drawing serves light and dark.
 */
import * as Plot from "@observablehq/plot";
import { DOMImplementation, XMLSerializer } from "@xmldom/xmldom";
import { type Interval, wilsonInterval } from "../metrics/intervals.ts";
import type { Calibration, ReliabilityBin } from "../task/classify/calibration.ts";
import type { Classification } from "../task/classify/classification.ts";
import type { Rejection } from "../task/classify/rejection.ts";
import { highestDrawn, type LrCurve } from "../train/lr-curve.ts";
import type { PlainResult } from "../train/results.ts";
import { html, Markup } from "./html.ts";
import type { StepPoint } from "./input.ts";

const WIDTH = 420;
const HEIGHT = 250;
/** Classes up to which a confusion matrix has numbers in its cells. */
const NUMBERED = 20;

/** Names of the colours that series may have. */
type Colour = "one" | "two" | "faint";
const colour = (name: Colour): string => `var(--${name})`;

/** What the colours of a drawing mean. */
function legend(entries: readonly (readonly [Colour, string])[]): Markup {
  return html`<p class="legend">${entries.map(([name, text]) => html`<span><i class="${name}"></i>${text}</span>`)}</p>`;
}

function draw(label: string, options: Plot.PlotOptions): Markup {
  // Plot needs a document to make its elements in; any will do, as nothing is shown.
  const document = new DOMImplementation().createDocument("http://www.w3.org/1999/xhtml", "html", null);
  const drawing = Plot.plot({
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 48,
    marginBottom: 36,
    document: document as unknown as Document,
    ariaLabel: label,
    ...options,
  });
  return new Markup(
    new XMLSerializer().serializeToString(drawing as unknown as Parameters<XMLSerializer["serializeToString"]>[0]),
  );
}

const grid = { grid: true, labelArrow: "none" } as const;

/** Loss of training steps and of validation. */
export function lossChart(steps: readonly StepPoint[], history: readonly PlainResult[]): Markup {
  const measured = history.filter(({ validation }) => validation !== undefined);
  // Without the steps (another process made them), the means of the epochs.
  const line =
    steps.length > 1 ? steps : history.map(({ step, trainingLoss }) => ({ step, loss: trainingLoss, lr: 0 }));
  const drawing = draw("Loss by step", {
    x: { ...grid, label: "step" },
    y: {
      ...grid,
      label: "loss",
      type: isWide(line.map(({ loss }) => loss)) ? "log" : "linear",
      ticks: 5,
      tickFormat: "~r",
    },
    marks: [
      Plot.lineY(line, { x: "step", y: "loss", stroke: colour("faint") }),
      Plot.lineY(
        line,
        Plot.windowY(
          { k: Math.max(1, Math.ceil(line.length / 40)), anchor: "middle" },
          { x: "step", y: "loss", stroke: colour("one"), strokeWidth: 2 },
        ),
      ),
      Plot.lineY(measured, {
        x: "step",
        y: ({ validation }) => validation?.loss,
        stroke: colour("two"),
        strokeWidth: 2,
      }),
      Plot.dot(measured, { x: "step", y: ({ validation }) => validation?.loss, fill: colour("two"), r: 3 }),
    ],
  });
  return html`${legend([["one", "training"], ...(measured.length > 0 ? ([["two", "validation"]] as const) : [])])}${drawing}`;
}

/** Whether values differ by so much that only a logarithmic scale shows them. */
function isWide(values: readonly number[]): boolean {
  const positive = values.filter((value) => value > 0);
  return positive.length === values.length && Math.max(...positive) > 20 * Math.min(...positive);
}

/** Share recognised, of validation samples and, named as such, of the training samples. */
export function accuracyChart(history: readonly PlainResult[]): Markup {
  const of = (name: Colour, value: (epoch: PlainResult) => number | undefined): Plot.Markish[] => {
    const points = history.filter((epoch) => value(epoch) !== undefined);
    const y = (epoch: PlainResult): number => 100 * (value(epoch) ?? 0);
    return [
      Plot.lineY(points, { x: "epoch", y, stroke: colour(name), strokeWidth: 2 }),
      Plot.dot(points, { x: "epoch", y, fill: colour(name), r: 3 }),
    ];
  };
  const drawing = draw("Share recognised by epoch", {
    x: { ...grid, label: "epoch", ticks: Math.min(10, history.length), tickFormat: "d", interval: 1 },
    y: { ...grid, label: "recognised, %" },
    marks: [
      ...of("one", ({ trainingAccuracy }) => trainingAccuracy),
      ...of("two", ({ validation }) => validation?.accuracy),
    ],
  });
  const isValidated = history.some(({ validation }) => validation?.accuracy !== undefined);
  const training = ["one", "of the training samples, while training"] as const;
  return html`${legend(isValidated ? [training, ["two", "of validation samples"]] : [training])}${drawing}`;
}

export function rateChart(steps: readonly StepPoint[]): Markup {
  return draw("Learning rate by step", {
    height: 170,
    marginLeft: 60,
    x: { ...grid, label: "step" },
    y: { ...grid, label: "learning rate", zero: true, ticks: 4 },
    marks: [Plot.lineY(steps, { x: "step", y: "lr", stroke: colour("one"), strokeWidth: 2 })],
  });
}

/** Loss of the steps of a learning rate range test over the rate, single ones and smoothed, with the suggestion. */
export function lrFindChart(curve: LrCurve): Markup {
  const { points, suggestion } = curve;
  const highest = highestDrawn(curve);
  const shown = points.filter(({ loss }) => loss <= 2 * highest);
  const drawing = draw("Training loss by learning rate", {
    width: 640,
    height: 340,
    x: { ...grid, label: "learning rate", type: "log", ticks: 7, tickFormat: (rate: number) => rate.toPrecision(1) },
    y: { ...grid, label: "training loss", domain: [0, highest], clamp: true },
    marks: [
      Plot.lineY(shown, { x: "lr", y: "loss", stroke: colour("faint") }),
      Plot.lineY(points, { x: "lr", y: "smoothed", stroke: colour("one"), strokeWidth: 2 }),
      ...(suggestion === undefined
        ? []
        : [Plot.ruleX([suggestion], { stroke: colour("two"), strokeWidth: 2, strokeDasharray: "5,4" })]),
    ],
  });
  const suggested = suggestion === undefined ? [] : ([["two", "where it falls fastest"]] as const);
  return html`${legend([["one", "loss, smoothed"], ["faint", "of each step"], ...suggested])}${drawing}`;
}

/** What was taken for what: right ones in one colour, mistakes in the other, by their share of the row. */
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
      Plot.cell(cells, { ...place, fill: colour("faint"), fillOpacity: 0.12, rx: 3 }),
      // A single mistake must be seen beside a thousand right answers: opacity grows with the root of the share.
      Plot.cell(filled, {
        ...place,
        fill: (cell) => colour(isRight(cell) ? "one" : "two"),
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
        fill: colour("one"),
        fillOpacity: 0.3,
        inset: 1,
        title: ({ count, accuracy, confidence }) =>
          `${count} samples: ${(100 * accuracy).toFixed(1)} % right at ${(100 * confidence).toFixed(1)} % confidence`,
      }),
      Plot.ruleX(full(raw), {
        x: ({ confidence }) => 100 * confidence,
        y1: (bin) => 100 * spread(bin).low,
        y2: (bin) => 100 * spread(bin).high,
        stroke: colour("one"),
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
        fill: colour("one"),
        r: 3.5,
      }),
      ...(scaled === undefined
        ? []
        : [
            Plot.dot(full(scaled), {
              x: ({ confidence }) => 100 * confidence,
              y: ({ accuracy }) => 100 * accuracy,
              stroke: colour("two"),
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
        fill: colour("one"),
        fillOpacity: 0.12,
      }),
      Plot.lineY(points, {
        x: ({ coverage }) => 100 * coverage,
        y: ({ accuracy }) => 100 * accuracy,
        stroke: colour("one"),
        strokeWidth: 2,
      }),
    ],
  });
}
