/** What a page downloads for each way of using the package: the built package, bundled, minified and compressed. */
import { expect, test } from "vitest";
import { bundle } from "./bundle.ts";

const KB = 1024;

/** What is for sequences alone: somebody who classifies pictures never asks for it. */
const SEQUENCES =
  /\/(ops|kernels)\/sequences\.js$|\/lower\/recurrences\.js$|\/task\/(transcribe|generate|text)[/.-]|\/runtime-reader\.js$/;
/** What only models with a novelty score need, and what fits one. */
const NOVELTY = /\/task\/classify\/novelty(-stored)?\.js$|\/train\/novelty\/learn-novelty\.js$/;
const SEQUENCES_AND_NOVELTY = new RegExp(`${SEQUENCES.source}|${NOVELTY.source}`);
/** Reading also does without losses, which no model file holds. */
const SEQUENCES_AND_LOSSES = new RegExp(`${SEQUENCES.source}|/ops/loss\\.js$`);

test.each([
  [
    "reading with a compiled recognizer",
    `import { load } from "ductus/runtime"; console.log(load)`,
    SEQUENCES_AND_LOSSES,
    11,
    64,
  ],
  [
    "training",
    `import { fit, models, data } from "ductus"; console.log(fit, models, data)`,
    SEQUENCES_AND_NOVELTY,
    84,
    119,
  ],
  ["all there is", `export * from "ductus"`, /(?!)/, 215, 388],
])("%s: small, and without anything of Node", async (_, code, never, first, asked) => {
  const bundled = await bundle(code, { never });
  expect(bundled.ofNode).toEqual([]);
  expect(bundled.first).toBeLessThan(first * KB);
  expect(bundled.asked).toBeLessThan(asked * KB);
});
