/** A curve over steps or epochs. The library that draws it is fetched when the first one is shown; a summary stands below. */
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { decimal, language, percent } from "../i18n/i18n.ts";
import { fail } from "../state/notices.ts";
import { dark } from "../state/theme.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

interface ChartProps {
  readonly title: string;
  readonly xLabel: string;
  readonly points: readonly Point[];
  /** What a reader who sees no curves wants to know of it. */
  readonly summary: string;
  /** Parts of one as percent, or plain numbers. */
  readonly unit: "percent" | "number";
  /** Where the x axis ends. */
  readonly end: number;
  readonly hasDots?: boolean | undefined;
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

export function Chart({ title, xLabel, points, summary, unit, end, hasDots = false }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const newest = useRef(points);
  newest.current = points;
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
        hasDots,
        ...UNITS[unit],
        points: newest.current,
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
  }, [isDark, tongue, unit, end, hasDots]);

  useEffect(() => {
    plot.current?.setData([points.map(({ x }) => x), points.map(({ y }) => y)]);
  }, [points]);

  return (
    <figure class="chart">
      <h3>{title}</h3>
      <div ref={place} class="plot" style={{ minHeight: `${HEIGHT}px` }} aria-hidden="true" />
      <figcaption>
        <span>{summary}</span>
        <span aria-hidden="true">{xLabel}</span>
      </figcaption>
    </figure>
  );
}
