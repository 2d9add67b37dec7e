/** What training shows on its way: one line that redraws itself on a terminal, a plain line every few seconds elsewhere. */

import { nounOf } from "../data/port.ts";
import { measureText, measureTitle } from "../task/measures.ts";
import { measureOf } from "../task/score.ts";
import { duration, grouped, round } from "../task/text.ts";
import type { Callback, StartInfo } from "../train/callbacks.ts";
import type { EpochResult } from "../train/results.ts";
import { byteSize, type Terminal } from "./terminal.ts";

/** Milliseconds between two lines. */
const REDRAW = 100;
const PLAIN_LINE = 5000;
/** Milliseconds before the first line: a guess of the time left from a few steps is wild. */
const FIRST = 1000;
/** Milliseconds between two epochs that are told of, where there is no validation. */
const TOLD = 1000;
/** Widths of the bar: the first that leaves room for the rest is taken. */
const BARS = [20, 10, 5];

/** Shows a run on standard error. */
export function progressCallback(terminal: Terminal): Callback {
  const interval = terminal.isLive ? REDRAW : PLAIN_LINE;
  const { bold, dim } = terminal.noteStyle;
  let start: StartInfo | undefined;
  let shown = 0;
  let told = 0;
  // The first step of this process, which may have waited for its program, and when it was done.
  let first: { readonly step: number; readonly at: number } | undefined;
  let inEpoch = 0;
  let epochBegan = 0;
  let loss = Number.NaN;
  return {
    onStart: (info) => {
      start = info;
      first = undefined;
      shown = epochBegan = performance.now();
      for (const line of introduction(info)) terminal.note(dim(line));
      for (const result of info.history) terminal.note(dim(epochLine(result, info)));
    },
    onStep: (info) => {
      // The mean of the last fifty steps or so: single batches jump about.
      loss = Number.isNaN(loss) ? info.loss : loss + (info.loss - loss) * 0.02;
      const now = performance.now();
      // Speed is counted from the end of an epoch's first step, which may have waited for the program to be compiled, and so
      // is the time left from that of this process: what came before a resume, or before its first step, says nothing.
      const isFirst = first === undefined;
      first ??= { step: info.step, at: now };
      if (isFirst || info.batch === 1) {
        inEpoch = 0;
        epochBegan = now;
        if (isFirst) shown = now + Math.max(0, FIRST - interval);
        return;
      }
      inEpoch += info.count;
      if (start === undefined || first === undefined || now - shown < interval) return;
      shown = now;
      const { epochs, stepsPerEpoch, totalSteps } = start;
      const rate = (1000 * inEpoch) / (now - epochBegan);
      const left = ((totalSteps - info.step) * (now - first.at)) / (1000 * (info.step - first.step));
      const line: ProgressLine = {
        epoch: `epoch ${info.epoch}/${epochs}`,
        step: `step ${info.batch}/${stepsPerEpoch}`,
        speed: `${grouped(Math.round(rate))} ${nounOf(start.train.inputs)}/s`,
        loss: `loss ${round(loss)}`,
        left: `${duration(left)} left`,
      };
      if (terminal.isLive) terminal.live(fitLine(line, info.batch / stepsPerEpoch, terminal.columns));
      else terminal.note(Object.values(line).join("  "));
    },
    onEpoch: (info) => {
      // Hundreds of epochs of a few samples would fill the window with lines that say nothing.
      const isOne = info.epoch === 1 || info.epoch === start?.epochs || info.validation !== undefined;
      if (!isOne && performance.now() - told < TOLD) return;
      told = performance.now();
      const text = epochLine(info, start as StartInfo);
      terminal.note(info.isBest && info.validation !== undefined ? bold(text) : text);
    },
  };
}

/** What a line of progress says, in its order. */
interface ProgressLine {
  readonly epoch: string;
  readonly step: string;
  readonly speed: string;
  readonly loss: string;
  readonly left: string;
}

/**
 * The line with a bar before it, as wide as `columns` allow. Where they are few the bar becomes shorter and goes, then the
 * step (the bar's number) and the speed; epoch, loss and the time left stay as long as there is any room.
 */
export function fitLine({ epoch, step, speed, loss, left }: ProgressLine, share: number, columns: number): string {
  const candidates = [
    ...BARS.map((width) => [bar(share, width), epoch, step, speed, loss, left]),
    [epoch, step, speed, loss, left],
    [epoch, step, loss, left],
    [epoch, loss, left],
    [epoch, left],
    [left],
  ].map((parts) => parts.join("  "));
  return candidates.find((text) => text.length <= columns) ?? left;
}

function introduction(info: StartInfo): string[] {
  const { model, samples, validationSamples, backend, memory, batchSize, totalSteps, doneSteps } = info;
  const total = [...model.network.namedParameters()].reduce((sum, [, parameter]) => sum + parameter.size, 0);
  const isOwn = info.validation?.split === "validation";
  const place = isOwn ? "for validation, as the data have them" : "put aside for validation";
  const aside = validationSamples === 0 ? "" : `, ${grouped(validationSamples)} ${place}`;
  const steps = `${grouped(totalSteps)} steps of ${batchSize}`;
  const going = info.isResumed ? `; going on after step ${grouped(doneSteps)}` : "";
  return [
    `network  ${model.architecture?.name ?? model.network.constructor.name}, ${grouped(total)} parameters`,
    `train    ${grouped(samples)} samples${aside}; ${plural(info.epochs, "epoch")}, ${steps}${going}`,
    `engine   ${backend}; ${byteSize(memory.parameters + memory.arena)} of memory`,
  ];
}

function epochLine(result: EpochResult, { epochs, model, train }: StartInfo): string {
  const { epoch, trainingLoss, validation, seconds, imagesPerSecond } = result;
  const { name } = model.task.primary;
  const value = validation && measureOf(validation, name);
  const primary = value === undefined ? "" : `${measureTitle(name)} ${measureText(name, value)}, `;
  const measured = validation === undefined ? "" : `validation ${primary}loss ${round(validation.loss)}`;
  return [
    `epoch ${epoch}/${epochs}`,
    measured,
    `training loss ${round(trainingLoss)}`,
    `${duration(seconds)} (${grouped(Math.round(imagesPerSecond))} ${nounOf(train.inputs)}/s)`,
  ]
    .filter((part) => part !== "")
    .join("  ");
}

function plural(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? "" : "s"}`;
}

function bar(share: number, width: number): string {
  const full = Math.round(share * width);
  return "━".repeat(full) + "╌".repeat(width - full);
}
