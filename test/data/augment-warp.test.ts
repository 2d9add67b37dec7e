/** Moved pictures: values against PyTorch's grid_sample, and the meaning of each move. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildSteps } from "../../src/augment/augmentations.ts";
import { quadToRectangle } from "../../src/augment/moves.ts";
import { PictureMap } from "../../src/augment/picture-map.ts";
import type { Augmentation } from "../../src/augment/records.ts";
import { type Frame, Workspace } from "../../src/augment/workspace.ts";
import { Random } from "../../src/engine/random.ts";

interface Case {
  readonly kind: "affine" | "projective";
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly ground: number | null;
  readonly pixels: readonly number[];
  readonly matrix: readonly number[];
  readonly want: readonly number[];
}

const CASES = JSON.parse(readFileSync(new URL("golden/warp.json", import.meta.url), "utf8")) as Case[];

const frameOf = (height: number, width: number, channels: number, ground?: number): Frame => ({
  height,
  width,
  channels,
  ground,
});

/** The picture after one move, which draws from the given source. */
function moved(
  frame: Frame,
  pixels: ArrayLike<number>,
  record: Augmentation,
  random = new Random(1, "user"),
): number[] {
  const workspace = new Workspace(frame, { batchSize: 1 });
  workspace.raw.set(pixels);
  const map = new PictureMap(workspace);
  const [step] = buildSteps([record], workspace);
  if (step.kind !== "move") throw new Error(`${record.name} moves nothing`);
  step.begin?.(random);
  step.move(map, random);
  map.record(0);
  workspace.work(0);
  return [...workspace.out];
}

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

/** A soft disc in the middle, well inside the picture. */
function disc(side: number): Uint8Array {
  const center = (side - 1) / 2;
  return Uint8Array.from({ length: side * side }, (_, i) => {
    const distance = Math.hypot((i % side) - center - 1, Math.floor(i / side) - center);
    return Math.round(255 * Math.min(1, Math.max(0, side / 4 - distance)));
  });
}

const picture = (height: number, width: number, channels = 1): fc.Arbitrary<number[]> => {
  const length = height * width * channels;
  return fc.array(fc.nat(255), { minLength: length, maxLength: length });
};
const shape = fc.record({
  height: fc.integer({ min: 1, max: 40 }),
  width: fc.integer({ min: 1, max: 40 }),
  channels: fc.constantFrom(1, 3),
});
const pictureOfAnyShape = shape.chain(({ height, width, channels }) =>
  picture(height, width, channels).map((pixels) => ({ height, width, channels, pixels })),
);

describe("sampling", () => {
  it.each(CASES.map((c, i) => [i, c.kind, c.shape.join("×"), c] as const))(
    "case %i: %s map of %s as PyTorch",
    (_, __, ___, { kind, shape: [height, width, channels], ground, pixels, matrix, want }) => {
      const workspace = new Workspace(frameOf(height, width, channels, ground ?? undefined), { batchSize: 1 });
      workspace.raw.set(pixels);
      const map = new PictureMap(workspace);
      const m = matrix;
      if (kind === "projective") map.projective(m);
      else map.affine(m[0], m[1], m[2], m[3], m[4], m[5]);
      map.record(0);
      workspace.work(0);
      const off = want.map((value, i) => Math.abs(workspace.out[i] - value));
      // Half for rounding; positions have eleven binary places.
      expect(Math.max(...off)).toBeLessThan(0.5 + 255 / 2 ** 11);
    },
  );

  it("of maps that change nothing gives the same bytes, in any size", () => {
    const property = fc.property(pictureOfAnyShape, fc.boolean(), (drawn, hasGround) => {
      const { height, width, channels, pixels } = drawn;
      const frame = frameOf(height, width, channels, hasGround ? 77 : undefined);
      for (const record of [
        { name: "rotate", degrees: 0 },
        { name: "zoom", scale: [1, 1] },
        { name: "perspective", distortion: 0 },
        { name: "elastic", alpha: 0, sigma: 2 },
      ] as const) {
        expect(moved(frame, pixels, record), record.name).toEqual(pixels);
      }
    });
    fc.assert(property, { seed: 3, numRuns: 40 });
  });

  it("of affine maps, which leave out what ink cannot reach, gives what the whole picture sampled gives", () => {
    const matrices = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 4, maxLength: 4 });
    const shifts = fc.array(fc.double({ min: -40, max: 40, noNaN: true }), { minLength: 2, maxLength: 2 });
    const ink = fc.record({
      x: fc.nat(35),
      y: fc.nat(27),
      wide: fc.integer({ min: 1, max: 36 }),
      tall: fc.integer({ min: 1, max: 28 }),
    });
    const property = fc.property(
      matrices,
      shifts,
      ink,
      fc.boolean(),
      fc.constantFrom(0, 77),
      (m, by, at, elastic, ground) => {
        const [height, width] = [28, 36];
        const workspace = new Workspace(frameOf(height, width, 1, ground), { batchSize: 1 });
        workspace.raw.fill(ground);
        for (let y = at.y; y < Math.min(height, at.y + at.tall); y++) {
          workspace.raw.fill(200, y * width + at.x, y * width + Math.min(width, at.x + at.wide));
        }
        const map = new PictureMap(workspace);
        // Both read the fields that the second made, which are stronger.
        const list = [8, 3].map((sigma) => ({ name: "elastic", alpha: 30, sigma }) as const);
        const [step, other] = buildSteps(list, workspace);
        if (step.kind !== "move") throw new Error("elastic moves nothing");
        for (const { begin } of [step, other]) begin?.(new Random(2, "user"));
        const result = (isWhole: boolean): number[] => {
          map.reset();
          // The same map, as one that might be projective.
          if (isWhole) map.projective([m[0], m[1], by[0], m[2], m[3], by[1], 0, 0, 1]);
          else map.affine(m[0], m[1], by[0], m[2], m[3], by[1]);
          if (elastic) step.move(map, new Random(3, "user"));
          map.record(0);
          workspace.out.fill(13);
          workspace.work(0);
          return [...workspace.out];
        };
        expect(result(false)).toEqual(result(true));
      },
    );
    fc.assert(property, { seed: 4, numRuns: 300 });
  });

  it("goes through several moves at once as through one after the other, up to interpolation", () => {
    const workspace = new Workspace(frameOf(28, 28, 1, 0), { batchSize: 1 });
    workspace.raw.set(disc(28));
    const map = new PictureMap(workspace);
    const steps = buildSteps(
      [
        { name: "shift", x: [0.25, 0.25] },
        { name: "rotate", degrees: [90, 90] },
      ],
      workspace,
    );
    for (const step of steps) if (step.kind === "move") step.move(map, new Random(1, "user"));
    map.record(0);
    workspace.work(0);
    const frame = frameOf(28, 28, 1, 0);
    const right = moved(frame, disc(28), { name: "shift", x: [0.25, 0.25] });
    expect([...workspace.out]).toEqual(moved(frame, right, { name: "rotate", degrees: [90, 90] }));
  });
});

describe("moves", () => {
  const three = frameOf(3, 3, 1, 0);
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9];

  it.each([
    [{ name: "rotate", degrees: [90, 90] }, [3, 6, 9, 2, 5, 8, 1, 4, 7]],
    [{ name: "flip" }, [3, 2, 1, 6, 5, 4, 9, 8, 7]],
    [{ name: "flip", axis: "vertical" }, [7, 8, 9, 4, 5, 6, 1, 2, 3]],
    [{ name: "shift", x: [1 / 3, 1 / 3], y: [-1 / 3, -1 / 3] }, [0, 4, 5, 0, 7, 8, 0, 0, 0]],
    [{ name: "shear", x: [45, 45] }, [0, 1, 2, 4, 5, 6, 8, 9, 0]],
    [{ name: "shear", y: [45, 45] }, [4, 2, 0, 7, 5, 3, 0, 8, 6]],
    [{ name: "zoom", scale: [0.5, 0.5] }, [0, 0, 0, 0, 5, 0, 0, 0, 0]],
  ] as readonly (readonly [Augmentation, readonly number[]])[])("%j", (record, want) => {
    const got = moved(three, numbers, record);
    if (record.name === "zoom") expect(got[4]).toBe(5);
    else expect(got).toEqual(want);
  });

  it("twice a flip is nothing, in any size", () => {
    const property = fc.property(
      pictureOfAnyShape,
      fc.constantFrom("horizontal" as const, "vertical" as const),
      ({ height, width, channels, pixels }, axis) => {
        const frame = frameOf(height, width, channels);
        const once = moved(frame, pixels, { name: "flip", axis });
        expect(moved(frame, once, { name: "flip", axis })).toEqual(pixels);
      },
    );
    fc.assert(property, { seed: 4, numRuns: 40 });
  });

  it("zoom scales the area by its square, everything else keeps it", () => {
    const ink = disc(40);
    const frame = frameOf(40, 40, 1, 0);
    const areas = (record: Augmentation): number => sum(moved(frame, ink, record)) / sum(ink);
    expect(areas({ name: "zoom", scale: [1.2, 1.2] })).toBeCloseTo(1.44, 1);
    expect(areas({ name: "zoom", scale: [0.8, 0.8] })).toBeCloseTo(0.64, 1);
    for (const record of [
      { name: "zoom", scale: [1, 1], aspect: [1.3, 1.3] },
      { name: "rotate", degrees: [33, 33] },
      { name: "shear", x: [12, 12], y: [5, 5] },
      { name: "shift", x: [0.05, 0.05] },
      { name: "crop", padding: 3 },
    ] as const) {
      expect(areas(record), record.name).toBeCloseTo(1, 2);
    }
    expect(Math.abs(areas({ name: "elastic", alpha: 34, sigma: 5 }) - 1)).toBeLessThan(0.15);
  });

  it("crop moves by whole pixels, by all from −padding to padding", () => {
    const one = new Uint8Array(81);
    one[40] = 200;
    const random = new Random(5, "user");
    const places = new Set<number>();
    for (let i = 0; i < 300; i++) {
      const got = moved(frameOf(9, 9, 1, 0), one, { name: "crop", padding: 1 }, random);
      expect(sum(got)).toBe(200);
      places.add(got.indexOf(200));
    }
    expect([...places].sort((a, b) => a - b)).toEqual([30, 31, 32, 39, 40, 41, 48, 49, 50]);
  });

  it("perspective takes the corners where they belong", () => {
    const share = fc.double({ min: 0.4, max: 1, noNaN: true });
    const corner = fc.tuple(share, share);
    fc.assert(
      fc.property(fc.array(corner, { minLength: 4, maxLength: 4 }), (shares) => {
        const rectangle = [
          [-10, -6],
          [10, -6],
          [10, 6],
          [-10, 6],
        ] as const;
        const quad = rectangle.map(([x, y], i): [number, number] => [x * shares[i][0], y * shares[i][1]]);
        const m = quadToRectangle(quad, 20, 12);
        for (const [i, [x, y]] of quad.entries()) {
          const w = m[6] * x + m[7] * y + m[8];
          expect((m[0] * x + m[1] * y + m[2]) / w).toBeCloseTo(rectangle[i][0], 6);
          expect((m[3] * x + m[4] * y + m[5]) / w).toBeCloseTo(rectangle[i][1], 6);
        }
      }),
      { seed: 6 },
    );
  });

  it("elastic displacements have the size and the smoothness of the paper's", () => {
    const workspace = new Workspace(frameOf(64, 64, 1, 0), { batchSize: 1 });
    const [{ side, stride, data }] = workspace.fields;
    const sigma = 4;
    const [step] = buildSteps([{ name: "elastic", alpha: 34, sigma }], workspace);
    let [squares, products, count] = [0, 0, 0];
    for (let epoch = 0; epoch < 8; epoch++) {
      step.begin?.(new Random(9, "augment", epoch));
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++, count++) {
          const value = data[y * stride + x];
          squares += value * value;
          products += value * data[y * stride + ((x + 2 * sigma) % side)];
        }
      }
    }
    // Uniform numbers have variance 1/3; a Gaussian leaves 1/(4πσ²) of it, and e⁻¹ of that two σ apart.
    expect(Math.sqrt(squares / count) * 2 * sigma * Math.sqrt(3 * Math.PI)).toBeCloseTo(1, 1);
    expect(Math.abs(products / squares - Math.exp(-1))).toBeLessThan(0.06);
    // The rim repeats the torus, so that a picture may be read from any place.
    expect(data[side]).toBe(data[0]);
    expect(data[side * stride + 5]).toBe(data[5]);
  });
});
