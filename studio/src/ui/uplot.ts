/** The library of curves, in the colors of the page. A chunk of its own, fetched by the first chart. */
import uPlot from "uplot";
import "../style/uplot.css";
import type { SeriesName } from "./legend.tsx";

interface ChartOptions {
  readonly width: number;
  readonly height: number;
  readonly end: number;
  readonly names: readonly SeriesName[];
  readonly data: uPlot.AlignedData;
  /** Of the y axis, for the least and the largest value. */
  bounds(low: number, high: number): [number, number];
  format(value: number): string;
}

export function createChart(
  element: HTMLElement,
  { width, height, end, names, data, bounds, format }: ChartOptions,
): uPlot {
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const axis: uPlot.Axis = {
    stroke: color("--soft"),
    font,
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  const dotted = (name: SeriesName): uPlot.Series => {
    const stroke = color(`--${name}`);
    return { stroke, width: 2, spanGaps: true, points: { show: true, size: 7, fill: stroke, stroke } };
  };
  const SERIES: Readonly<Record<SeriesName, uPlot.Series>> = {
    steps: { stroke: color("--steps"), width: 1, spanGaps: true, points: { show: false } },
    training: dotted("training"),
    validation: { ...dotted("validation"), dash: [7, 4] },
    test: dotted("test"),
  };
  return new uPlot(
    {
      width,
      height,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 8, 0, 0],
      scales: {
        x: { time: false, range: [0, Math.max(end, 1)] },
        y: { range: (_, low, high) => bounds(low, high) },
      },
      axes: [
        { ...axis, grid: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100] },
        { ...axis, size: 58, space: 34, values: (_, values) => values.map(format) },
      ],
      series: [{}, ...names.map((name) => SERIES[name])],
    },
    data,
    element,
  );
}
