/** Command-line options of the benchmarks: what is wrong with them is said in one line, with exit status 2. */
import { parseArgs } from "node:util";
import { UsageError, unknownName } from "../../dist/engine/errors.js";

/**
 * Parses the command line; prints `help` and ends with status 0 for --help, or the error and 2 for anything unknown.
 * @param options as parseArgs takes them
 * @param read turns the values into what the program wants and may throw UsageError
 */
export function readOptions(help, options, read) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: "boolean", short: "h" } } });
    if (values.help) {
      console.log(help);
      process.exit(0);
    }
    return read(values);
  } catch (error) {
    if (!(error instanceof UsageError) && !error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
    console.error(`error: ${error.message.split("\n")[0]} (--help lists the options)`);
    process.exit(2);
  }
}

/** `a,b` as names, each of which must be known. */
export function names(kind, text, known) {
  const given = [...new Set(text.split(",").map((name) => name.trim()))];
  for (const name of given) if (!known.includes(name)) throw unknownName(kind, name, known);
  return given;
}

/** A number of at least `least`. */
export function number(option, text, least, isWhole = false) {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value < 1e6 && (!isWhole || Number.isInteger(value))) return value;
  const what = isWhole ? "a whole number" : "a number";
  throw new UsageError(`--${option} is ${JSON.stringify(text)}; expected ${what} of at least ${least}`);
}
