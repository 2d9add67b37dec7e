/** The Triton repository: what stands in it fits the model, and the names hold what their readers ask of names. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/engine/errors.ts";
import { tritonRepository } from "../../src/export/triton.ts";
import { MODELS } from "./models.ts";

const NAMES = { input: "input", output: "logits" };
const ONNX = Uint8Array.of(8, 8);

describe("the Triton repository", () => {
  it.each([
    ["mlp", "TYPE_UINT8", "28, 28, 1", 10],
    ["colours, numbers as inputs", "TYPE_FP32", "20, 24, 3", 3],
  ] as const)(
    "%s: is laid out as Triton reads it and describes the model's input and output",
    (key, type, dims, classes) => {
      const model = MODELS[key]();
      const files = tritonRepository(model, "net", ONNX, NAMES);
      expect([...files.keys()]).toEqual([
        "net/models/net/config.pbtxt",
        "net/models/net/labels.txt",
        "net/models/net/1/model.onnx",
        "net/inference-service.yaml",
      ]);
      const config = String(files.get("net/models/net/config.pbtxt")).replace(/\s+/g, " ");
      expect(config).toContain('name: "net" backend: "onnxruntime" max_batch_size: 64');
      expect(config).toContain(`input [ { name: "input" data_type: ${type} dims: [ ${dims} ] } ]`);
      expect(config).toContain(
        `output [ { name: "logits" data_type: TYPE_FP32 dims: [ ${classes} ] label_filename: "labels.txt" } ]`,
      );
      expect(config).toMatch(
        /dynamic_batching \{ preferred_batch_size: \[ [\d, ]+ \] max_queue_delay_microseconds: \d+ \}/,
      );
      expect(files.get("net/models/net/1/model.onnx")).toBe(ONNX);
      expect(files.get("net/models/net/labels.txt")).toBe(`${model.classes.join("\n")}\n`);
    },
  );

  it("gives KServe a name that Kubernetes takes, and refuses names that Triton does not", () => {
    const model = MODELS.mlp();
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 90 }), (name) => {
        let files: ReturnType<typeof tritonRepository>;
        try {
          files = tritonRepository(model, name, ONNX, NAMES);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          expect(/^[A-Za-z0-9_.-]+$/.test(name) && /^[A-Za-z0-9]/.test(name)).toBe(false);
          return;
        }
        const manifest = String(files.get(`${name}/inference-service.yaml`));
        const [, service] = manifest.match(/^metadata:\n {2}name: (.*)$/m) ?? [];
        expect(service).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
      }),
    );
    for (const name of ["a/b", "..", 'x"', "山", ""])
      expect(() => tritonRepository(model, name, ONNX, NAMES)).toThrow(UsageError);
    for (const name of ["7", "My.Model_2", `${"a".repeat(62)}--b`]) {
      expect(() => tritonRepository(model, name, ONNX, NAMES)).not.toThrow();
    }
  });
});
