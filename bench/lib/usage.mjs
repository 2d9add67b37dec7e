/** Options of the benchmarks: each is one record, from which come the help, the parsing and the check. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { UsageError, unknownName } from "../../dist/engine/errors.js";
import { KINDS, NETWORKS } from "./tasks.mjs";

/** `a,b` as names, each of which must be known; `none` is nothing, `all` is all. */
export const names = (kind, known) => (_, text) => {
  if (text === "none") return [];
  if (text === "all") return [...known];
  const given = [...new Set(text.split(",").map((name) => name.trim()))];
  for (const name of given) if (!known.includes(name)) throw unknownName(kind, name, known);
  return given;
};

/** A number of at least `least`. */
export const number =
  (least, isWhole = false) =>
  (option, text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= least && value < 1e9 && (!isWhole || Number.isInteger(value))) return value;
    const what = isWhole ? "a whole number" : "a number";
    throw new UsageError(`--${option} is ${JSON.stringify(text)}; expected ${what} of at least ${least}`);
  };

/** `1,2,3` as whole numbers of at least `least`. */
export const numbers = (least) => (option, text) => text.split(",").map((part) => number(least, true)(option, part));

const text = (_, value) => value;

const KIND_NAMES = KINDS.map(({ name }) => name);

/** Options that several subjects take; a subject may change the default. */
export const OPTIONS = {
  networks: (value) => ({ value: "a,b", default: value, read: names("network", NETWORKS), about: "networks, or all" }),
  kinds: (value = "training") => ({
    value: "a,b",
    default: value,
    read: names("kind", KIND_NAMES),
    about: `of: ${KIND_NAMES.join(", ")}`,
  }),
  threads: (value = String(availableParallelism())) => ({
    value: "N",
    default: value,
    read: number(1, true),
    about: "threads of every contender",
  }),
  seconds: (value) => ({ value: "S", default: value, read: number(0.01), about: "of each measurement" }),
  rounds: (value, about = "measurements of each number, of which the median is shown") => ({
    value: "N",
    default: value,
    read: number(1, true),
    about,
  }),
  strict: () => ({ about: "Ductus without fused multiply-add" }),
};

const JSON_FILE = { value: "FILE", read: text, about: "write all measurements to FILE" };

/** The help of a subject. */
export function helpOf(name, { summary, about, options, examples = [] }) {
  const entries = Object.entries({ ...options, json: JSON_FILE }).map(([flag, option]) => {
    const shown = option.default === undefined ? "" : ` (default: ${option.default})`;
    return [`--${flag}${option.value === undefined ? "" : ` ${option.value}`}`, `${option.about}${shown}`];
  });
  const width = Math.max(...entries.map(([flag]) => flag.length));
  const lines = entries.map(([flag, what]) => `  ${flag.padEnd(width)}  ${what}`);
  const shown = examples.map((example) => `\n  npm run bench -- ${name} ${example}`).join("");
  const usage = `Usage: npm run bench -- ${name} [options]\n\nMeasures ${summary}.\n${about}\n\n${lines.join("\n")}`;
  return shown === "" ? usage : `${usage}\n\nExamples:${shown}`;
}

/** The options of a subject from the words behind its name. @throws UsageError for anything unknown */
export function readOptions(name, { options }, words) {
  const all = { ...options, json: JSON_FILE };
  const typed = Object.entries(all).map(([flag, { value }]) => [
    flag,
    { type: value === undefined ? "boolean" : "string" },
  ]);
  let values;
  try {
    ({ values } = parseArgs({ args: words, options: Object.fromEntries(typed) }));
  } catch (error) {
    if (!error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
    throw new UsageError(`${error.message.split("\n")[0]} ("${name} --help" lists the options)`);
  }
  const read = ([flag, option]) => {
    const given = values[flag] ?? option.default;
    if (option.value === undefined) return [flag, given === true];
    return [flag, given === undefined ? undefined : option.read(flag, given)];
  };
  return Object.fromEntries(Object.entries(all).map(read));
}

export const unknownSubject = (name, known) => unknownName("subject", name, known);
