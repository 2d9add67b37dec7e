/** The library of curves, in the colours of the page. A chunk of its own, fetched by the first chart. */
import uPlot from "uplot";
import "../style/uplot.css";
import type { Point } from "./chart.tsx";

interface ChartOptions {
  readonly width: number;
  readonly height: number;
  readonly end: number;
  readonly hasDots: boolean;
  readonly points: readonly Point[];
  /** Of the y axis, for the least and the largest value. */
  bounds(low: number, high: number): [number, number];
  format(value: number): string;
}

export function createChart(
  element: HTMLElement,
  { width, height, end, hasDots, points, bounds, format }: ChartOptions,
): uPlot {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const axis: uPlot.Axis = {
    stroke: colour("--soft"),
    font,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      width,
      height,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 8, 0, 0],
      scales: {
        x: { time: false, range: [hasDots ? 1 : 0, Math.max(end, 2)] },
        y: { range: (_, low, high) => bounds(low, high) },
      },
      axes: [
        { ...axis, grid: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] },
        { ...axis, size: 58, space: 34, values: (_, values) => values.map(format) },
      ],
      series: [
        {},
        {
          stroke: colour("--blue"),
          width: 2,
          points: { show: hasDots, size: 8, fill: colour("--blue"), stroke: colour("--blue") },
        },
      ],
    },
    [points.map(({ x }) => x), points.map(({ y }) => y)],
    element,
  );
}
