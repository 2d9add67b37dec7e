/** Augmentation by several threads gives the bytes of one, whatever the size of the pictures: nobody writes into a neighbor's. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Augmenter } from "../../src/augment/augmenter.ts";
import type { AugmentationList } from "../../src/augment/records.ts";
import { ImageDataset } from "../../src/data/dataset.ts";
import type { Backend, Crew } from "../../src/engine/backends/backend.ts";
import { Random } from "../../src/engine/random.ts";
import { nodeWasmBackend } from "../../src/platform/node/threads.ts";

let backend: Backend;
beforeAll(() => {
  backend = nodeWasmBackend({ threads: 3 });
});
afterAll(() => backend.close());

const LIST: AugmentationList = [
  { name: "rotate", degrees: 20, p: 0.7 },
  { name: "perspective", distortion: 0.3, p: 0.5 },
  { name: "elastic", alpha: [0, 20], sigma: 3, p: 0.6 },
  { name: "stroke", radius: [-2.5, 2.5] },
  { name: "brightness", amount: 0.2 },
  { name: "stroke", radius: 0.5, p: 0.5 },
];

const COUNT = 65;

function pictures(height: number, width: number, channels: number): ImageDataset {
  const random = new Random(3, "user");
  const images = Uint8Array.from({ length: COUNT * height * width * channels }, () => random.integer(256));
  const labels = new Uint8Array(COUNT);
  return new ImageDataset({ name: "noise", images, labels, height, width, channels, classes: ["a", "b"] });
}

it.each([
  [28, 28, 1],
  [5, 7, 1],
  [19, 21, 1],
  [18, 17, 3],
])("of pictures %i×%i×%i", async (height, width, channels) => {
  const data = pictures(height, width, channels);
  const order = new Random(1, "user").shuffle(Int32Array.from({ length: COUNT }, (_, i) => i));
  const run = async (crew: Crew | undefined): Promise<string[]> => {
    const augmenter = new Augmenter(LIST, data, { batchSize: 32, seed: 5 });
    if (crew !== undefined) await augmenter.employ(crew);
    const made: string[] = [];
    for (const epoch of [1, 2]) {
      augmenter.start(epoch);
      for (let start = 0; start < COUNT; start += 32) {
        const count = Math.min(32, COUNT - start);
        const x = new Uint8Array(count * height * width * channels);
        augmenter.read(order, start, count, { x, y: new Int32Array(32) });
        made.push(createHash("sha256").update(x).digest("hex"));
      }
    }
    augmenter.dispose();
    return made;
  };
  const alone = await run(undefined);
  expect(alone[0]).not.toEqual(alone[3]);
  expect(backend.crew?.threads).toBe(3);
  // Which thread takes which picture is chance: again and again.
  for (let turn = 0; turn < 5; turn++) expect(await run(backend.crew)).toEqual(alone);
});

it("of pictures that cannot be read ends with the error, and goes on with others", async () => {
  const data = pictures(12, 12, 1);
  const read = data.read.bind(data);
  let isBroken = false;
  data.read = (indices, start, ...rest) => {
    if (isBroken && start >= 8) throw new Error("the disk is gone");
    read(indices, start, ...rest);
  };
  const augmenter = new Augmenter(LIST, data, { batchSize: 32, seed: 5 });
  await augmenter.employ(backend.crew as Crew);
  const order = data.labels.map((_, i) => i);
  const batch = (): string => {
    const x = new Uint8Array(32 * 144);
    augmenter.read(order, 0, 32, { x, y: new Int32Array(32) });
    return x.join();
  };
  augmenter.start(1);
  const before = batch();
  isBroken = true;
  expect(batch).toThrow("the disk is gone");
  isBroken = false;
  expect(batch()).toBe(before);
  augmenter.dispose();
});
