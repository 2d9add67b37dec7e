/** `NAME.py` of `--to pt`: golden/make.py has run these sources in PyTorch; here they are compared with what is written now. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { constant } from "../../src/engine/ops/constant.ts";
import { place } from "../../src/engine/ops/movement.ts";
import { Parameter, type Tensor } from "../../src/engine/tensor.ts";
import { torchModule } from "../../src/export/torch-module.ts";
import { exportWeights } from "../../src/export/weights.ts";
import { Model } from "../../src/models/model.ts";
import { ARCHITECTURES, create } from "../../src/models/registry.ts";
import { Module } from "../../src/nn/module.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { platform, setPlatform } from "../../src/platform/platform.ts";
import { writePixels } from "../../src/task/classify/ranking.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { TORCH_MODELS } from "./torch-models.ts";

interface Golden {
  readonly source: string;
  /** Of three pictures, by PyTorch. */
  readonly logits: readonly number[];
}

const golden: Record<string, Golden> = JSON.parse(
  readFileSync(new URL("golden/torch-modules.json", import.meta.url), "utf8"),
);

beforeAll(() => setPlatform(nodePlatform));

/** What make.py gives to PyTorch. */
const pixels = (length: number): Uint8Array => Uint8Array.from({ length }, (_, n) => (n * 37 + ((n * n) % 101)) % 256);

async function logitsOf(model: Model): Promise<Float32Array> {
  const backend = await platform().createBackend({ threads: 1 });
  try {
    const program = await backend.compile(inferenceGraph(model, 3));
    // Numbers as inputs are bytes, too, there: nothing divides them.
    if (model.inputType === "uint8") writePixels(pixels(program.inputs.x.length), program.inputs.x, "uint8");
    else program.inputs.x.set(pixels(program.inputs.x.length));
    program.run();
    return Float32Array.from(program.outputs.logits);
  } finally {
    await backend.close();
  }
}

describe("the PyTorch module", () => {
  it.each(Object.keys(TORCH_MODELS) as (keyof typeof TORCH_MODELS)[])(
    "%s: the source that PyTorch ran, with its logits",
    async (name) => {
      const model = TORCH_MODELS[name]();
      const at = Object.keys(TORCH_MODELS).indexOf(name);
      const { files } = await exportWeights(model, `network${at}`, "pt");
      expect(files.get(`network${at}.py`)).toBe(golden[name].source);
      const logits = await logitsOf(model);
      const scale = Math.max(1, ...golden[name].logits.map(Math.abs));
      expect(logits).toHaveLength(golden[name].logits.length);
      for (const [k, wanted] of golden[name].logits.entries()) {
        expect(Math.abs(logits[k] - wanted) / scale, `logit ${k}`).toBeLessThan(1e-5);
      }
    },
  );

  it.each(ARCHITECTURES.map(({ name }) => name))("%s names every weight in its forward pass", (name) => {
    const model = create(name);
    const forward = torchModule(model, name).split("def forward")[1];
    for (const [key, { requiresGrad }] of model.network.namedParameters()) {
      const last = key.split(".").at(-1) as string;
      if (requiresGrad) expect(forward, key).toContain(`.${last}`);
    }
    expect(forward).not.toContain("⟨");
  });

  it("is the same beside safetensors, but for how the weights are read", async () => {
    const model = create("lenet5", { seed: 4 });
    const { files } = await exportWeights(model, "net", "safetensors");
    expect([...files.keys()].sort()).toEqual(["net.py", "net.safetensors"]);
    const source = String(files.get("net.py"));
    expect(source).toContain('network.load_state_dict(load_file("net.safetensors"))');
    const rest = (text: string): string => text.slice(text.indexOf("    network.eval()"));
    expect(rest(source)).toBe(rest(torchModule(model, "net", "pt")));
  });

  it("refuses, by name, an op that it cannot say; the weights are exported without it", async () => {
    class Spread extends Module {
      readonly weight = new Parameter([2, 3], new Float32Array(6));

      forward(x: Tensor): Tensor {
        const grid = { starts: [0, 0], steps: [1, 2], shape: [x.shape[0], 3], fill: 0 };
        return place(x.mul(constant(2)), grid).matmul(this.weight.permute([1, 0]));
      }
    }
    const model = new Model(new Spread(), { inputShape: [2], inputType: "float32", classes: 2 });
    expect(() => torchModule(model, "spread")).toThrow(/place, puts numbers between others and cannot be written/);
    const { files, notes } = await exportWeights(model, "spread", "pt");
    expect([...files.keys()]).toEqual(["spread.pt"]);
    expect(notes).toEqual([
      expect.stringMatching(/^spread\.py, the PyTorch module, is left out: op \d+, place, puts /),
    ]);
  });
});
