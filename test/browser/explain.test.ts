/**
 * The minified package in Chromium explains as Node does: layers keep the names and kinds that they have in
 * the sources. Skipped, with a line that says so, without Chromium.
 */
import { describe, expect, test } from "vitest";
import { create } from "../../src/models/registry.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { explain } from "../../src/use/explain.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import { chromiumPath, openBrowser } from "../export/draw.ts";
import { bundle } from "./bundle.ts";
import { serve } from "./page.ts";

setPlatform(nodePlatform);

/** A bar of light ink on black. */
const SIDE = 40;
const pixels = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE > 17 && i % SIDE < 22 ? 250 : 0));

describe.skipIf(chromiumPath === undefined)("an explainer in a page", () => {
  test("answers as in Node", { timeout: 60_000 }, async () => {
    const model = create("ductus-s", { seed: 2 });
    model.preprocessing = { ...MNIST_PREPROCESSING, minStroke: 0 };
    const built = await bundle(`export { Explainer, load } from "ductus"`);
    const files = new Map<string, string | Uint8Array>(built.files);
    files.set("model.safetensors", await encodeModel(model));
    const [main] = built.files.keys();
    const site = await serve(files);
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(site.address);
      const found = (await page.evaluate(`(async () => {
        const { Explainer, load } = await import("./${main}");
        const explainer = await Explainer.open(await load("model.safetensors"));
        const picture = { width: ${SIDE}, height: ${SIDE}, channels: 1, data: Uint8Array.from([${pixels}]) };
        const { layers, attention, name, ranking } = explainer.explain(picture, { class: "3" });
        await explainer.close();
        const plain = layers.map(({ name, kind, shape, values }) => ({ name, kind, shape, first: values[0] }));
        return { name, ranking, layers: plain, attention: Array.from(attention) };
      })()`)) as { attention: number[]; layers: { first: number }[]; ranking: { probability: number }[]; name: string };
      const here = await explain(model, { width: SIDE, height: SIDE, channels: 1, data: pixels }, { class: "3" });
      expect(found.name).toBe(here.name);
      expect(found.layers.map(({ first: _, ...layer }) => layer)).toEqual(
        here.layers.map(({ name, kind, shape }) => ({ name, kind, shape })),
      );
      // Another engine may fuse multiply-adds.
      for (const [i, { values }] of here.layers.entries()) expect(found.layers[i].first).toBeCloseTo(values[0], 3);
      for (const [k, { probability }] of here.ranking.entries()) {
        expect(found.ranking[k].probability).toBeCloseTo(probability, 4);
      }
      for (const [i, value] of here.attention.entries()) expect(found.attention[i]).toBeCloseTo(value, 2);
    } finally {
      await browser.close();
      site.close();
    }
  });
});
