/**
 * `--to triton`: a model repository for NVIDIA Triton (https://github.com/triton-inference-server/server, model_repository.md
 * and model_configuration.md) around the ONNX file, and a manifest that lets KServe run it.
 *
 *     NAME/models/NAME/config.pbtxt      inputs, outputs, how requests are put together
 *     NAME/models/NAME/labels.txt        class names, for Triton's classification extension
 *     NAME/models/NAME/1/model.onnx      version 1
 *     NAME/inference-service.yaml        for KServe
 */
import { UsageError } from "../engine/errors.ts";
import type { Model } from "../models/model.ts";
import { exportOnnx, INPUT, OUTPUT } from "./onnx.ts";
import type { Exported } from "./recognizer.ts";

/** So many pictures at once at most; Triton puts requests together until a batch has as many. */
const MAX_BATCH = 64;
/** Batches that are run at once when they are full. */
const PREFERRED = [16, 32, MAX_BATCH];
/** How long the first request of a batch waits for others. */
const MAX_DELAY_MICROSECONDS = 500;

/**
 * All files of the folder.
 * @param name of the folder and of the model in requests
 * @throws UsageError for a name that Triton would not take, DuctusError where {@link exportOnnx} does
 */
export async function exportTriton(model: Model, name: string): Promise<Exported> {
  // It stands in paths, in URLs and in quotes.
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) {
    throw new UsageError(
      `"${name}" cannot name a model in Triton: use letters, digits, - and _, with --out FOLDER/NAME`,
    );
  }
  const { files, agreement } = await exportOnnx(model, "model");
  const folder = `${name}/models/${name}`;
  const all = new Map<string, Uint8Array | string>([
    [`${folder}/config.pbtxt`, config(model, name)],
    [`${folder}/labels.txt`, `${model.classes.join("\n")}\n`],
    [`${name}/inference-service.yaml`, inferenceService(name)],
  ]);
  for (const [file, data] of files) all.set(`${folder}/1/${file}`, data);
  return { files: all, agreement };
}

function config({ inputShape, inputType, classes, temperature }: Model, name: string): string {
  const type = { uint8: "TYPE_UINT8", float32: "TYPE_FP32", int32: "TYPE_INT32" }[inputType];
  return `name: "${name}"
backend: "onnxruntime"
max_batch_size: ${MAX_BATCH}
input [
  {
    name: "${INPUT}"
    data_type: ${type}
    dims: [ ${inputShape.join(", ")} ]
  }
]
output [
  {
    name: "${OUTPUT}"
    data_type: TYPE_FP32
    dims: [ ${classes.length} ]
    label_filename: "labels.txt"
  }
]
parameters {
  key: "temperature"
  value { string_value: "${temperature ?? 1}" }
}
dynamic_batching {
  preferred_batch_size: [ ${PREFERRED.join(", ")} ]
  max_queue_delay_microseconds: ${MAX_DELAY_MICROSECONDS}
}
`;
}

function inferenceService(name: string): string {
  return `# kubectl apply -f inference-service.yaml
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ${serviceName(name)}
spec:
  predictor:
    model:
      modelFormat:
        name: triton
      runtime: kserve-tritonserver
      protocolVersion: v2
      # The folder "models" beside this file, wherever the cluster can read it: a volume, s3://, gs:// or https://.
      storageUri: pvc://models/${name}/models
      resources:
        requests:
          cpu: "1"
          memory: 1Gi
        limits:
          cpu: "2"
          memory: 2Gi
`;
}

/** A name as Kubernetes has it (RFC 1123): small letters, digits and hyphens, a letter first, at most 63. */
function serviceName(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return (/^[a-z]/.test(plain) ? plain : `model-${plain}`).slice(0, 63).replace(/-+$/, "");
}
