/**
 * `--to triton`: for engines that serve on many machines. A model repository of NVIDIA's Triton Inference Server (the network
 * as ONNX, its configuration, its labels), and a manifest with which KServe runs it on Kubernetes.
 * https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_repository.md, model_configuration.md
 */
import type { Model } from "../models/model.ts";
import { exportOnnx, INPUT, type OnnxInput, OUTPUT, toOnnx } from "./onnx.ts";
import type { Exported } from "./recogniser.ts";

/** Samples that the server may put together. */
const MAX_BATCH = 64;
/** How long a request waits for others: less than anybody notices, long enough to be joined under load. */
const QUEUE_DELAY_US = 500;

const TYPES: Readonly<Record<string, string>> = { U8: "TYPE_UINT8", F32: "TYPE_FP32" };

/**
 * The folder NAME with the model NAME in it, and the manifest NAME.yaml beside it.
 * @throws DuctusError when the network does not agree with the model
 */
export async function exportTriton(model: Model, name: string, input?: OnnxInput): Promise<Exported> {
  const { files, agreement } = await exportOnnx(model, name, input);
  const [network] = files.values();
  const folder = `${name}/${name}`;
  return {
    files: new Map([
      [`${folder}/1/model.onnx`, network],
      [`${folder}/config.pbtxt`, configuration(model, name, input)],
      [`${folder}/labels.txt`, `${model.classes.join("\n")}\n`],
      [`${name}.yaml`, manifest(name)],
    ]),
    agreement,
  };
}

/** Protocol buffers as text; the batch axis is understood. */
function configuration(model: Model, name: string, input: OnnxInput = "pixels"): string {
  const [{ dtype, shape }] = toOnnx(model, input).inputs;
  return `name: ${JSON.stringify(name)}
backend: "onnxruntime"
max_batch_size: ${MAX_BATCH}
input [
  {
    name: "${INPUT}"
    data_type: ${TYPES[dtype ?? "F32"]}
    dims: [ ${shape?.slice(1).join(", ")} ]
  }
]
output [
  {
    name: "${OUTPUT}"
    data_type: TYPE_FP32
    dims: [ ${model.classes.length} ]
    label_filename: "labels.txt"
  }
]
dynamic_batching {
  max_queue_delay_microseconds: ${QUEUE_DELAY_US}
}
`;
}

function manifest(name: string): string {
  return `# Put the folder "${name}" where the cluster can read it, and its address below.
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ${resourceName(name)}
spec:
  predictor:
    model:
      runtime: kserve-tritonserver
      modelFormat:
        name: triton
      protocolVersion: v2
      storageUri: ${JSON.stringify(`s3://models/${name}`)}
      resources:
        requests:
          cpu: "1"
          memory: 1Gi
        limits:
          cpu: "1"
          memory: 1Gi
`;
}

/** A name as Kubernetes has them: small letters, digits and hyphens, a letter first. */
function resourceName(name: string): string {
  const allowed = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return (
    allowed
      .replace(/^[^a-z]+/, "")
      .slice(0, 50)
      .replace(/-+$/, "") || "model"
  );
}
