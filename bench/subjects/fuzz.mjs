/** What readers make of damaged files: refusals in one line, soon and without much memory, or something worse. */
import { DuctusError } from "../../dist/engine/errors.js";
import { nodePlatform } from "../../dist/platform/node/platform.js";
import { setPlatform } from "../../dist/platform/platform.js";
import { fuzz } from "../lib/fuzz.mjs";
import { targetsOf } from "../lib/fuzz-targets.mjs";
import { figure, table } from "../lib/table.mjs";
import { names, number } from "../lib/usage.mjs";

const TARGETS = targetsOf((path) => import(`../../dist/${path}.js`));

/** Internal errors that are shown of each target. */
const SHOWN = 5;

export const subject = {
  summary: "what readers make of damaged files",
  about: `Small valid files are damaged, bit by bit and by their structure, and read. Input number i of a seed is always the same one, so that
--first i --count 1 reads it again. Peaks of memory grow from target to target: run one alone to know its own.`,
  options: {
    target: {
      value: "a,b",
      default: "all",
      read: names("target", Object.keys(TARGETS)),
      about: `of: ${Object.keys(TARGETS).join(", ")}`,
    },
    count: { value: "N", default: "1000", read: number(1, true), about: "inputs for each target" },
    seed: { value: "N", default: "1", read: number(0, true), about: "what decides the damage" },
    first: { value: "N", default: "0", read: number(0, true), about: "number of the first input" },
  },
  examples: ["--target onnx --count 100000 --seed 1"],

  async measure({ target: chosen, count, seed, first }, say) {
    setPlatform(nodePlatform);
    const targets = {};
    for (const name of chosen) {
      const target = await TARGETS[name]();
      let heard = 0;
      const hear = (i, error) => {
        if (heard++ < SHOWN) say(`${name}, input ${i}: ${error?.stack ?? error}`);
      };
      try {
        targets[name] = await fuzz(target, {
          count,
          seed,
          first,
          hear,
          isRefusal: (error) => error instanceof DuctusError,
        });
      } finally {
        await target.close?.();
      }
    }
    return { targets };
  },

  format({ targets }) {
    const rows = Object.entries(targets).map(
      ([name, { count, accepted, refused, internal, slowest, slowestInput, slowestAccepted, peakMiB }]) => [
        name,
        ...[count, accepted, refused, internal].map(String),
        `${figure(slowest)}${slowestInput === undefined ? "" : ` (${slowestInput})`}`,
        figure(slowestAccepted),
        figure(peakMiB),
      ],
    );
    const head = [
      "target",
      "inputs",
      "accepted",
      "refused",
      "internal errors",
      "slowest refusal, ms (input)",
      "slowest opened, ms",
      "peak, MiB",
    ];
    return table([head, ...rows], 2);
  },
};
