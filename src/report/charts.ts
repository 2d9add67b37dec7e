/**
 * The drawings of reports, by Observable Plot, as SVG text written once: no script runs in the page. Colors are CSS variables
 * of the page (style.ts), so one drawing serves light and dark.
 */
import * as Plot from "@observablehq/plot";
import { DOMImplementation, XMLSerializer } from "@xmldom/xmldom";
import { measureTitle } from "../task/measures.ts";
import { highestDrawn, type LrCurve } from "../train/lr-curve.ts";
import type { PlainResult } from "../train/results.ts";
import { html, Markup } from "./html.ts";
import type { StepPoint } from "./input.ts";

const WIDTH = 420;
const HEIGHT = 250;

/** Names of the colors that series may have. */
export type Color = "one" | "two" | "faint";
export const color = (name: Color): string => `var(--${name})`;

/** What the colors of a drawing mean. */
export function legend(entries: readonly (readonly [Color, string])[]): Markup {
  return html`<p class="legend">${entries.map(([name, text]) => html`<span><i class="${name}"></i>${text}</span>`)}</p>`;
}

export function draw(label: string, options: Plot.PlotOptions): Markup {
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

export const grid = { grid: true, labelArrow: "none" } as const;

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
      Plot.lineY(line, { x: "step", y: "loss", stroke: color("faint") }),
      Plot.lineY(
        line,
        Plot.windowY(
          { k: Math.max(1, Math.ceil(line.length / 40)), anchor: "middle" },
          { x: "step", y: "loss", stroke: color("one"), strokeWidth: 2 },
        ),
      ),
      Plot.lineY(measured, {
        x: "step",
        y: ({ validation }) => validation?.loss,
        stroke: color("two"),
        strokeWidth: 2,
      }),
      Plot.dot(measured, { x: "step", y: ({ validation }) => validation?.loss, fill: color("two"), r: 3 }),
    ],
  });
  return html`${legend([["one", "training"], ...(measured.length > 0 ? ([["two", "validation"]] as const) : [])])}${drawing}`;
}

/** Whether values differ by so much that only a logarithmic scale shows them. */
function isWide(values: readonly number[]): boolean {
  const positive = values.filter((value) => value > 0);
  return positive.length === values.length && Math.max(...positive) > 20 * Math.min(...positive);
}

/** A measure of validation samples and, named as such, of the training samples where that was counted. */
export function measureChart(name: string, history: readonly PlainResult[]): Markup {
  const isShare = name === "accuracy";
  const of = (stroke: Color, value: (epoch: PlainResult) => number | undefined): Plot.Markish[] => {
    const points = history.filter((epoch) => value(epoch) !== undefined);
    const y = (epoch: PlainResult): number => (isShare ? 100 : 1) * (value(epoch) ?? 0);
    return [
      Plot.lineY(points, { x: "epoch", y, stroke: color(stroke), strokeWidth: 2 }),
      Plot.dot(points, { x: "epoch", y, fill: color(stroke), r: 3 }),
    ];
  };
  const whileTraining = (epoch: PlainResult): number | undefined => (isShare ? epoch.trainingAccuracy : undefined);
  const ofValidation = ({ validation }: PlainResult): number | undefined => validation?.[name];
  const title = measureTitle(name);
  const drawing = draw(`${title} by epoch`, {
    x: { ...grid, label: "epoch", ticks: Math.min(10, history.length), tickFormat: "d", interval: 1 },
    y: { ...grid, label: isShare ? `${title}, %` : title },
    marks: [...of("one", whileTraining), ...of("two", ofValidation)],
  });
  const entries = [
    ...(history.some((epoch) => whileTraining(epoch) !== undefined)
      ? [["one", "of the training samples, while training"] as const]
      : []),
    ...(history.some((epoch) => ofValidation(epoch) !== undefined) ? [["two", "of validation samples"] as const] : []),
  ];
  return html`${legend(entries)}${drawing}`;
}

export function rateChart(steps: readonly StepPoint[]): Markup {
  return draw("Learning rate by step", {
    height: 170,
    marginLeft: 60,
    x: { ...grid, label: "step" },
    y: { ...grid, label: "learning rate", zero: true, ticks: 4 },
    marks: [Plot.lineY(steps, { x: "step", y: "lr", stroke: color("one"), strokeWidth: 2 })],
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
      Plot.lineY(shown, { x: "lr", y: "loss", stroke: color("faint") }),
      Plot.lineY(points, { x: "lr", y: "smoothed", stroke: color("one"), strokeWidth: 2 }),
      ...(suggestion === undefined
        ? []
        : [Plot.ruleX([suggestion], { stroke: color("two"), strokeWidth: 2, strokeDasharray: "5,4" })]),
    ],
  });
  const suggested = suggestion === undefined ? [] : ([["two", "where it falls fastest"]] as const);
  return html`${legend([["one", "loss, smoothed"], ["faint", "of each step"], ...suggested])}${drawing}`;
}
