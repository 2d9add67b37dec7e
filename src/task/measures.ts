/**
 * What tasks measure, by name: what it is called in words, and how its values are written. A user's own metrics are numbers under
 * their own names.
 */
import { percent, round } from "./text.ts";

interface Written {
  readonly title: string;
  readonly text: (value: number) => string;
}

const MEASURES: Readonly<Record<string, Written>> = {
  accuracy: { title: "accuracy", text: percent },
  symbolErrorRate: { title: "symbol error rate", text: percent },
  perplexity: { title: "perplexity", text: round },
};

const written = (name: string): Written =>
  Object.hasOwn(MEASURES, name) ? MEASURES[name] : { title: name, text: round };

/** A measure's name in words: `symbol error rate`. */
export const measureTitle = (name: string): string => written(name).title;

/** A measure's value: `98.02 %`. */
export const measureText = (name: string, value: number): string => written(name).text(value);
