/**
 * Strict arithmetic gives the same model file on every machine and every Node: its weights, its example, its temperature and
 * its metrics have the bits that are committed here. `.ci/run` does this on a second Node, too.
 */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ImageDataset } from "../../src/data/dataset.ts";
import { power } from "../../src/engine/power.ts";
import { Random } from "../../src/engine/random.ts";
import { decodeModelFile } from "../../src/formats/model-file.ts";
import { fit as trainModel } from "../../src/index.ts";
import { create } from "../../src/models/registry.ts";

const SIDE = 12;
const CLASSES = ["level", "upright", "both"];

/** Bars with noise; some have a wrong name, so that a temperature can be fitted. */
function bars(count: number): ImageDataset {
  const random = new Random(5, "user");
  const labels = Uint8Array.from({ length: count }, (_, i) => i % CLASSES.length);
  const images = new Uint8Array(count * SIDE * SIDE);
  for (let i = 0; i < images.length; i++) {
    const label = labels[Math.floor(i / (SIDE * SIDE))];
    const [x, y] = [i % SIDE, Math.floor(i / SIDE) % SIDE];
    const isInk = (label !== 0 && Math.abs(x - 6) < 2) || (label !== 1 && Math.abs(y - 6) < 2);
    images[i] = (isInk ? 120 : 0) + random.integer(130);
  }
  for (let i = 0; i < count; i += 7) labels[i] = random.integer(CLASSES.length);
  return new ImageDataset({ name: "bars", images, labels, height: SIDE, width: SIDE, classes: CLASSES });
}

async function bitsOfRun(optimizer: string, threads: number): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "ductus-strict-"));
  try {
    const model = create("lenet5", { classes: CLASSES, inputShape: [SIDE, SIDE, 1], seed: 3 });
    const how = { epochs: 2, batchSize: 16, validation: 0.25, keep: "last" as const, strict: true, seed: 3, threads };
    const augment = [
      { name: "rotate", degrees: 20 },
      { name: "mixup", alpha: 0.3 },
    ] as const;
    const schedule = { name: "step", every: 3, gamma: 0.7 } as const;
    const run = await trainModel(model, bars(96), { ...how, optimizer, augment, schedule });
    const path = join(folder, "m.safetensors");
    await run.model.save(path);
    const { weights, golden, metrics, temperature } = decodeModelFile(await readFile(path), path);
    const bits = ({ data }: { data: Float32Array | Int32Array }): Uint8Array =>
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return {
      weights: digest([...weights.values()].map(bits)),
      example: digest([bits(golden.input), bits(golden.output)]),
      told: digest([new TextEncoder().encode(JSON.stringify([metrics, temperature]))]),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function digest(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex").slice(0, 16);
}

it.each([
  ["adam", 1, { weights: "2bdb7fe71435c256", example: "d2f4e9c31f9a0851", told: "8b371b0ab02ba9ba" }],
  ["muon", 3, { weights: "d3e5fb4313771c66", example: "366da81b4440bff9", told: "e6fd6b146f4a1bc7" }],
] as const)("gives the committed file with %s on %i threads", async (optimizer, threads, wanted) => {
  expect(await bitsOfRun(optimizer, threads)).toEqual(wanted);
});

it("has powers of its own, since those of engines differ", () => {
  expect(power(0.999, 0)).toBe(1);
  expect(power(2, 30)).toBe(2 ** 30);
  const powers = Float64Array.from({ length: 20_000 }, (_, i) => power(0.999, i));
  expect(powers.every((value, i) => Math.abs(value / Math.exp(i * Math.log(0.999)) - 1) < 1e-10)).toBe(true);
  expect(digest([new Uint8Array(powers.buffer)])).toBe("8a50cd6b77f83e84");
});
