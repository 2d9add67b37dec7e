/**
 * Curves over epochs: training and validation, always in the same colors (legend.tsx). The library that draws them is fetched
 * when the first chart is shown; a summary in words stands below.
 */
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { decimal, language, percent, texts } from "../i18n/i18n.ts";
import { fail } from "../state/notices.ts";
import { dark } from "../state/theme.ts";
import type { SeriesName } from "./legend.tsx";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Curve {
  readonly name: SeriesName;
  readonly points: readonly Point[];
}

interface ChartProps {
  readonly title: string;
  /** As many as at the first time, in the same order. */
  readonly curves: readonly Curve[];
  /** What a reader who sees no curves wants to know of it. */
  readonly summary: string;
  /** Parts of one as percent, or plain numbers. */
  readonly unit: "percent" | "number";
  /** Where the x axis ends. */
  readonly end: number;
}

const HEIGHT = 190;

const UNITS = {
  percent: {
    format: percent,
    bounds: (low: number, high: number): [number, number] => {
      const room = Math.max(0.005, (high - low) * 0.15);
      return [Math.max(0, low - room), Math.min(1, high + room)];
    },
  },
  number: { format: decimal, bounds: (_low: number, high: number): [number, number] => [0, Math.max(0.1, high)] },
};

export function Chart({ title, curves, summary, unit, end }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const newest = useRef(curves);
  newest.current = curves;
  const isDark = dark.value;
  const tongue = language.value;

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    let isOver = false;
    let made: uPlot | undefined;
    const observer = new ResizeObserver(() => made?.setSize({ width: element.clientWidth, height: HEIGHT }));
    const draw = async (): Promise<void> => {
      const { createChart } = await import("./uplot.ts");
      if (isOver) return;
      made = createChart(element, {
        width: element.clientWidth,
        height: HEIGHT,
        end,
        ...UNITS[unit],
        names: newest.current.map(({ name }) => name),
        data: aligned(newest.current),
      });
      plot.current = made;
      observer.observe(element);
    };
    draw().catch(fail);
    return () => {
      isOver = true;
      observer.disconnect();
      made?.destroy();
      plot.current = undefined;
    };
  }, [isDark, tongue, unit, end]);

  useEffect(() => {
    plot.current?.setData(aligned(curves));
  }, [curves]);

  return (
    <figure class="chart">
      <h3>{title}</h3>
      <div ref={place} class="plot" style={{ minHeight: `${HEIGHT}px` }} aria-hidden="true" />
      <figcaption>
        <span>{summary}</span>
        <span aria-hidden="true">{texts.value.train.epoch}</span>
      </figcaption>
    </figure>
  );
}

/** Curves with points of their own as columns over all x; null where a curve has no point. */
function aligned(curves: readonly Curve[]): uPlot.AlignedData {
  const xs = [...new Set(curves.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const columns = curves.map(({ points }) => {
    const byX = new Map(points.map(({ x, y }) => [x, y]));
    return xs.map((x) => byX.get(x) ?? null);
  });
  return [xs, ...columns];
}
