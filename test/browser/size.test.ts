/** What a page downloads for each way of using the package: the built package, bundled, minified and compressed. */
import { expect, test } from "vitest";
import { bundle } from "./bundle.ts";

const KB = 1024;

test.each([
  ["reading with a compiled recognizer", `export { load } from "ductus/runtime"`, 10 * KB, 58 * KB],
  ["training", `export { fit, models, data } from "ductus"`, 82 * KB, 106 * KB],
  ["all there is", `export * from "ductus"`, 110 * KB, 206 * KB],
])("%s: small, and without anything of Node", async (_, code, first, everything) => {
  const bundled = await bundle(code);
  expect(bundled.ofNode).toEqual([]);
  expect(bundled.first).toBeLessThan(first);
  expect(bundled.everything).toBeLessThan(everything);
});
