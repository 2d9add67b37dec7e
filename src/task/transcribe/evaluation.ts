/** How well a model reads strings: whole ones, by length, and by symbol; how far it can be believed, and what is gained by leaving some to people. */
import { describeOverlap, describeTrained, summarizeOverlap } from "../../data/overlap.ts";
import {
  bootstrapInterval,
  bootstrapMeasure,
  type GroupCount,
  type Interval,
  wilsonInterval,
} from "../../metrics/intervals.ts";
import { type Rejection, rejection } from "../../metrics/rejection.ts";
import { type Reliability, reliability } from "../../metrics/reliability.ts";
import { AnyEvaluation, type EvaluationFields } from "../evaluation.ts";
import { measureText, measureTitle } from "../measures.ts";
import { grouped, PLAIN, percent, percentInterval, round, type Style, table } from "../text.ts";
import { tooLong } from "./ctc-frames.ts";

/** A string of the data, and what the model made of it. */
export interface ReadString {
  /** Number of the sample. */
  readonly index: number;
  readonly truth: string;
  readonly text: string;
  readonly probability: number;
  /** Who wrote it; undefined where nobody knows. */
  readonly writer?: number | undefined;
}

/** A string of the data that the network cannot give, as it has too few frames; the loss is infinite. */
export interface ImpossibleString {
  /** Number of the sample. */
  readonly index: number;
  readonly truth: string;
  /** Frames that the string needs, and those that the network gives. */
  readonly needed: number;
  readonly frames: number;
}

export interface TranscribeFields extends EvaluationFields {
  readonly strings: readonly ReadString[];
  /** Default: none. */
  readonly tooLong?: readonly ImpossibleString[] | undefined;
  /** Works out the temperature that suits these strings; default: there is none. */
  readonly fitTemperature?: (() => number | undefined) | undefined;
}

/** A share of some of the strings, with its 95 % interval. */
export interface StringShare extends GroupCount {
  readonly accuracy: number;
  readonly interval: Interval;
}

/** Strings that plain data lists. */
const LISTED = 20;

/** Results of a model that reads strings, on one data set; `console.log` shows them as a table. */
export class TranscribeEvaluation extends AnyEvaluation {
  /** What was read, in the order of the data. */
  readonly strings: readonly ReadString[];
  /** Those that need more frames than the network gives: the loss is infinite where there is one. */
  readonly tooLong: readonly ImpossibleString[];
  readonly #fitTemperature: () => number | undefined;

  constructor({ strings, tooLong = [], fitTemperature = () => undefined, ...fields }: TranscribeFields) {
    super({ ...fields, metrics: { symbolErrorRate: errorRate(strings), ...fields.metrics } });
    this.strings = strings;
    this.tooLong = tooLong;
    this.#fitTemperature = fitTemperature;
  }

  get hits(): number {
    return this.strings.filter(isRight).length;
  }

  /** Share of the strings that are right as a whole. */
  get accuracy(): number {
    return this.hits / this.count;
  }

  /** Of {@link accuracy}, 95 %: by writers where they are known, else as if strings were right or wrong independently. */
  get interval(): Interval {
    return shareOf(this.strings).interval;
  }

  /** Different writers of the strings; 0 where they are not known. */
  get writers(): number {
    return groupsOf(this.strings)?.length ?? 0;
  }

  /** Symbols to insert, leave out or replace, per symbol of the true strings. */
  get symbolErrorRate(): number {
    return this.metrics.symbolErrorRate;
  }

  /** Of {@link symbolErrorRate}, 95 %: strings are drawn anew, or writers with all that is theirs where they are known. */
  get symbolErrorInterval(): Interval {
    return bootstrapInterval(this.#groups.map((group) => errorCount(group.map((i) => this.strings[i]))));
  }

  /** Of the expected error of {@link calibration}, 95 %, likewise; undefined where there are no strings. */
  get calibrationInterval(): Interval | undefined {
    return bootstrapMeasure(this.#groups, (samples) => reliability(this.#sure(samples)).expectedError);
  }

  /** For each goal of {@link rejection} that is reached, the 95 % interval of the share that can be kept, likewise: 0 where none can. */
  get rejectionIntervals(): readonly (Interval | undefined)[] {
    return this.rejection.reach.map(({ accuracy }) =>
      bootstrapMeasure(
        this.#groups,
        (samples) => rejection(this.#sure(samples)).reach.find((point) => point.accuracy === accuracy)?.coverage ?? 0,
      ),
    );
  }

  /** Samples that are right or wrong together: of each writer where these are known, else each alone. */
  get #groups(): readonly (readonly number[])[] {
    const groups = groupsOf(this.strings);
    return groups !== undefined && groups.length > 1 ? groups : this.strings.map((_, i) => [i]);
  }

  /** Strings by how many symbols they have, the shortest first. */
  get byLength(): readonly (StringShare & { readonly length: number })[] {
    const lengths = [...new Set(this.strings.map(lengthOf))].sort((a, b) => a - b);
    return lengths.map((length) => ({ length, ...shareOf(this.strings.filter((read) => lengthOf(read) === length)) }));
  }

  /** Strings in which a symbol follows itself, of which readers lose one, and all others; undefined where one of these are none. */
  get doubled(): { readonly with: StringShare; readonly without: StringShare } | undefined {
    const [doubles, others] = [true, false].map((is) => this.strings.filter(({ truth }) => hasDouble(truth) === is));
    if (doubles.length === 0 || others.length === 0) return undefined;
    return { with: shareOf(doubles), without: shareOf(others) };
  }

  /** How far the probability of a string can be believed. */
  get calibration(): Reliability {
    return reliability(this.#sure());
  }

  /** Accuracy against coverage: what is gained by leaving the strings that the model is least sure of to people. */
  get rejection(): Rejection {
    return rejection(this.#sure());
  }

  #sure(samples: readonly number[] = this.strings.map((_, i) => i)): Parameters<typeof reliability>[0] {
    const { strings } = this;
    return {
      length: samples.length,
      confidences: samples.map((i) => strings[i].probability),
      isRight: (k) => isRight(strings[samples[k]]),
    };
  }

  /** The strings that are wrong, those first that the model was surest of. */
  worstErrors(count: number): readonly ReadString[] {
    const wrong = this.strings.filter((read) => !isRight(read));
    return wrong.sort((a, b) => b.probability - a.probability).slice(0, count);
  }

  fitTemperature(): number | undefined {
    return this.#fitTemperature();
  }

  override get impossible(): { readonly index: number; readonly why: string } | undefined {
    const [first] = this.tooLong;
    return first && { index: first.index, why: whyTooLong(first) };
  }

  override get summary(): Readonly<Record<string, unknown>> {
    return { ...super.summary, interval: this.interval };
  }

  text({ bold }: Style = PLAIN): string {
    const { dataset, count, loss, accuracy, interval, metrics, writers, byLength, doubled, calibration, tooLong } =
      this;
    const { trainedOn, overlap, symbolErrorInterval } = this;
    const worst = this.worstErrors(5).map(
      ({ truth, text, probability }) => `${truth} → ${text} (${percent(probability)})`,
    );
    const kept = this.rejection.reach.map(
      ({ accuracy: right, coverage }) => `${percent(right)} of the surest ${percent(coverage)}`,
    );
    const hands = writers === 0 ? "" : ` by ${grouped(writers)} writers`;
    return table([
      ["data", `${dataset}, ${grouped(count)} strings${hands}`],
      ["loss", loss.toFixed(4)],
      ...(tooLong.length === 0 ? [] : [["too long", namedOf(tooLong)] as const]),
      ["right", `${bold(percent(accuracy))} of the strings (95 % interval ${percentInterval(interval)})`],
      ...(trainedOn === undefined || trainedOn.trained === 0
        ? []
        : [["known", `${describeTrained(trainedOn, count)}: what is learned by heart counts above`] as const]),
      ...(overlap === undefined || overlap.duplicates.length === 0
        ? []
        : [["known", describeOverlap(overlap)] as const]),
      ...Object.entries(metrics).map(([name, value]) => {
        const sure = name === "symbolErrorRate" ? ` (95 % interval ${percentInterval(symbolErrorInterval)})` : "";
        return [measureTitle(name), `${measureText(name, value)}${sure}`] as const;
      }),
      ...(byLength.length > 1
        ? [["by length", byLength.map((part) => `${part.length}: ${percent(part.accuracy)}`).join(", ")] as const]
        : []),
      ...(doubled === undefined
        ? []
        : [
            [
              "doubled symbols",
              `${percent(doubled.with.accuracy)}, others ${percent(doubled.without.accuracy)}`,
            ] as const,
          ]),
      ["calibration", `expected error ${round(calibration.expectedError)}`],
      ...(kept.length > 0 ? [["rejection", `right are ${kept.join(", ")}`] as const] : []),
      ...(worst.length > 0 ? [["worst", worst.join(", ")] as const] : []),
    ]);
  }

  toJSON(): Record<string, unknown> {
    const { dataset, count, loss, accuracy, interval, symbolErrorRate, metrics, isTrainingData, seconds } = this;
    const { writers, byLength, doubled, calibration, rejection: curve, tooLong, trainedOn, overlap } = this;
    const { symbolErrorInterval, calibrationInterval, rejectionIntervals } = this;
    return {
      dataset,
      count,
      loss,
      accuracy,
      interval,
      writers,
      symbolErrorRate,
      symbolErrorInterval,
      byLength,
      doubled,
      calibration: { ...calibration, interval: calibrationInterval },
      rejection: { ...curve, reach: curve.reach.map((goal, i) => ({ ...goal, interval: rejectionIntervals[i] })) },
      ...(tooLong.length > 0 && { tooLong: tooLong.slice(0, LISTED) }),
      metrics,
      isTrainingData,
      trainedOn: trainedOn && { trained: trainedOn.trained, checked: trainedOn.checked },
      overlap: overlap && summarizeOverlap(overlap),
      worstErrors: this.worstErrors(LISTED),
      seconds,
    };
  }
}

/** Strings that a table names. */
const NAMED = 5;

const whyTooLong = ({ truth, needed, frames }: ImpossibleString): string => tooLong(truth, needed, frames);

/** So many of the samples as a table holds, and how many others there are. */
function namedOf(strings: readonly ImpossibleString[]): string {
  const named = strings.slice(0, NAMED).map((string) => `sample ${string.index}, ${whyTooLong(string)}`);
  const others = strings.length - named.length;
  return [...named, ...(others > 0 ? [`${grouped(others)} more`] : [])].join("; ");
}

const isRight = ({ truth, text }: ReadString): boolean => truth === text;

const lengthOf = ({ truth }: ReadString): number => [...truth].length;

const hasDouble = (text: string): boolean => [...text].some((symbol, i, all) => i > 0 && symbol === all[i - 1]);

/** The places of what each writer wrote; undefined where not all are known. */
function groupsOf(strings: readonly ReadString[]): number[][] | undefined {
  const groups = new Map<number, number[]>();
  for (const [i, { writer }] of strings.entries()) {
    if (writer === undefined) return undefined;
    const group = groups.get(writer);
    if (group === undefined) groups.set(writer, [i]);
    else group.push(i);
  }
  return [...groups.values()];
}

function shareOf(strings: readonly ReadString[]): StringShare {
  const [hits, total] = [strings.filter(isRight).length, strings.length];
  const groups = groupsOf(strings)?.map((group) => ({
    hits: group.filter((i) => isRight(strings[i])).length,
    total: group.length,
  }));
  const isGrouped = groups !== undefined && groups.length > 1;
  return {
    hits,
    total,
    accuracy: total === 0 ? 0 : hits / total,
    interval: isGrouped ? bootstrapInterval(groups) : wilsonInterval(hits, total),
  };
}

function errorRate(strings: readonly ReadString[]): number {
  const { hits: errors, total: symbols } = errorCount(strings);
  return symbols === 0 ? 0 : errors / symbols;
}

/** Wrong symbols, and symbols that stand there. */
const errorCount = (strings: readonly ReadString[]): GroupCount => ({
  hits: strings.reduce((sum, { truth, text }) => sum + editDistance([...truth], [...text]), 0),
  total: strings.reduce((sum, read) => sum + lengthOf(read), 0),
});

/** The least number of symbols to insert, leave out or replace that makes one string of another (Levenshtein 1966). */
export function editDistance(a: readonly string[], b: readonly string[]): number {
  let row = b.map((_, j) => j + 1);
  for (const [i, symbol] of a.entries()) {
    let [left, diagonal] = [i + 1, i];
    row = row.map((above, j) => {
      const best = Math.min(left + 1, above + 1, diagonal + (symbol === b[j] ? 0 : 1));
      diagonal = above;
      left = best;
      return best;
    });
  }
  return row.at(-1) ?? a.length;
}
