/** The Triton repository: what stands in it fits the ONNX file beside it, and names are such as their readers take. */
import { beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../src/engine/errors.ts";
import { exportTriton } from "../../src/export/triton.ts";
import { decodeOnnx } from "../../src/formats/onnx.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { MODELS } from "./models.ts";

beforeAll(() => setPlatform(nodePlatform));

/** Element types as Triton names them. */
const TYPES: Readonly<Record<string, string>> = { U8: "TYPE_UINT8", F32: "TYPE_FP32" };

describe("the Triton repository", () => {
  it.each(["mlp", "colors, numbers as inputs"] as const)("%s: describes the network that it holds", async (key) => {
    const model = MODELS[key]();
    const { files } = await exportTriton(model, "net");
    expect([...files.keys()].sort()).toEqual([
      "net/inference-service.yaml",
      "net/models/net/1/model.onnx",
      "net/models/net/config.pbtxt",
      "net/models/net/labels.txt",
    ]);
    const bytes = files.get("net/models/net/1/model.onnx") as Uint8Array;
    const { inputs, outputs } = await decodeOnnx(bytes, "model.onnx", () =>
      Promise.reject(new Error("no other files")),
    );
    const config = String(files.get("net/models/net/config.pbtxt")).replace(/\s+/g, " ");
    for (const [kind, [port]] of [
      ["input", inputs],
      ["output", outputs],
    ] as const) {
      const [batch, ...dims] = port.shape ?? [];
      expect(batch, "an open dimension, which max_batch_size stands for").toBeTypeOf("string");
      const described = `name: "${port.name}" data_type: ${TYPES[String(port.dtype)]} dims: [ ${dims.join(", ")} ]`;
      expect(config).toContain(`${kind} [ { ${described}`);
    }
    expect(config).toMatch(/max_batch_size: 64 .* dynamic_batching \{ preferred_batch_size: \[ [\d, ]+ \]/);
    expect(files.get("net/models/net/labels.txt")).toBe(`${model.classes.join("\n")}\n`);
  });

  it.each([
    ["digits", "digits"],
    ["7", "model-7"],
    ["My.Model_2-", "my-model-2"],
    [`${"a".repeat(62)}--b`, "a".repeat(62)],
  ])("%s: gives KServe a name that Kubernetes takes", async (name, service) => {
    const { files } = await exportTriton(MODELS.mlp(), name);
    expect(String(files.get(`${name}/inference-service.yaml`))).toContain(`\nmetadata:\n  name: ${service}\nspec:\n`);
  });

  it.each(["a/b", "..", 'x"', "山", ""])("%j is refused as a name", async (name) => {
    await expect(exportTriton(MODELS.mlp(), name)).rejects.toThrow(UsageError);
  });
});
