/** Numbers of 16 bits: every one of them, what lies between two, and a model file whose weights are such. */
import { describe, expect, it } from "vitest";
import "../../src/index.ts";
import { parseSafetensors } from "../../src/formats/safetensors.ts";
import { asHalves, floatToHalf, halfToFloat } from "../../src/formats/tensor-data.ts";
import { create } from "../../src/models/registry.ts";
import { halved } from "../../src/use/halved.ts";
import { encodeModel, load, TrainedModel } from "../../src/use/trained-model.ts";

const INFINITY = 0x7c00;

describe("float16", () => {
  it("every number of 16 bits comes back as it is", () => {
    for (let bits = 0; bits < 2 ** 16; bits++) {
      const value = halfToFloat(bits);
      if (Number.isNaN(value)) expect(halfToFloat(floatToHalf(value))).toBeNaN();
      else expect(floatToHalf(value)).toBe(bits);
    }
  });

  it("what lies between two becomes the nearer one, and halfway the even one", () => {
    for (let bits = 0; bits < INFINITY; bits++) {
      const [low, high] = [halfToFloat(bits), bits + 1 === INFINITY ? 65536 : halfToFloat(bits + 1)];
      const middle = (low + high) / 2;
      const off = (high - low) / 64;
      expect(floatToHalf(middle - off)).toBe(bits);
      expect(floatToHalf(middle + off)).toBe(bits + 1);
      expect(floatToHalf(-middle)).toBe(0x8000 | (bits % 2 === 0 ? bits : bits + 1));
    }
  });

  it("what is too large or too small becomes infinite or 0, and keeps its sign", () => {
    expect([1e30, -1e30, 1e-30, -1e-30].map((value) => halfToFloat(floatToHalf(value)))).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      0,
      -0,
    ]);
  });

  it("says when values are none", () => {
    expect(asHalves(Float32Array.of(1, -0.5, 2 ** -24))).toEqual(Uint16Array.of(0x3c00, 0xb800, 1));
    expect(asHalves(Float32Array.of(1, 0.1))).toBeUndefined();
  });
});

it("a model whose weights all are takes half the room in its file, and is the same from there", async () => {
  const model = TrainedModel.of(create("mlp", { seed: 3 }));
  const before = await encodeModel(model);
  const bytes = await encodeModel(halved(model));
  expect(bytes.length).toBeLessThan(0.55 * before.length);
  const { tensors } = parseSafetensors(bytes, "model");
  expect([...tensors.values()].map(({ dtype }) => dtype)).toContain("F16");
  const again = await load(bytes);
  expect(await encodeModel(again)).toEqual(bytes);
  expect([...again.network.namedParameters()].map(([name, { data }]) => [name, data])).toEqual(
    [...model.network.namedParameters()].map(([name, { data }]) => [name, data]),
  );
});

it("what float16 cannot hold is held as it is", async () => {
  const model = halved(create("mlp", { seed: 3 }));
  const [first] = model.network.parameters();
  first.data[0] = 0.1;
  const again = await load(await encodeModel(model));
  expect([...again.network.parameters()][0].data[0]).toBe(Math.fround(0.1));
});

it("biases, what norms keep, and weights that are larger than float16 goes stay as they are", async () => {
  const model = create("ductus-s", { seed: 3 });
  const named = new Map(model.network.namedParameters());
  const variance = [...named].find(([name]) => name.endsWith("running_var"))?.[1];
  const weight = [...named].find(([, { shape }]) => shape.length === 4)?.[1];
  variance?.data.fill(100_000);
  weight?.data.fill(70_000, 0, 1);
  const before = new Map([...named].map(([name, { data }]) => [name, data.slice()]));
  const again = await load(await encodeModel(halved(model)));
  for (const [name, { data, shape }] of again.network.namedParameters()) {
    const isAsItWas = shape.length < 2 || data.some((value) => value > 65_504);
    if (isAsItWas) expect(data, name).toEqual(before.get(name));
    expect(data.every(Number.isFinite), name).toBe(true);
  }
});
