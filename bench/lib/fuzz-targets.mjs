/**
 * What is fuzzed: each reader of files that come from strangers, with small valid files made here and the kinds of damage that get
 * through its first checks. Used by the benchmark `fuzz`, on the built package, and by a short test, on the sources.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mutateBytes, mutateJson, mutatePickle, mutateProto } from "./mutations.mjs";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytesOf = (...parts) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...encoder.encode(part)] : [...part])));
const int64 = (...values) => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
const ramp = (n) => Float32Array.from({ length: n }, (_, i) => ((i * 37) % 29) / 29 - 0.5);

/**
 * @param modules gives a module of Ductus by its path in src, without suffix
 * @returns for each name a function that makes the target: `make(rng)` gives a damaged input, `read(input)` reads it, and
 *   `close()`, where it is there, cleans up
 */
export function targetsOf(modules) {
  /** The parts of safetensors: header as JSON, and what follows. */
  const split = (bytes) => {
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    return { header: JSON.parse(decoder.decode(bytes.subarray(8, 8 + length))), data: bytes.subarray(8 + length) };
  };
  const joined = ({ header, data }) => {
    const text = encoder.encode(typeof header === "string" ? header : (JSON.stringify(header) ?? ""));
    return bytesOf(int64(text.length), text, data);
  };
  /** Puts the right checksum into a model file, wherever it says that it has one. */
  const sealed = async (bytes) => {
    const { crc32, crcToHex } = await modules("formats/checksum");
    const out = bytes.slice();
    const key = '"ductus.crc32":"';
    const at = Buffer.from(out.buffer, out.byteOffset, out.length).indexOf(key);
    if (at < 0 || at + key.length + 8 > out.length) return out;
    out.set(encoder.encode("00000000"), at + key.length);
    out.set(encoder.encode(crcToHex(crc32(out))), at + key.length);
    return out;
  };

  /** A small network of one's own, with a weight, a constant, a composite and a convolution. */
  const smallModel = async (named) => {
    const { TrainedModel } = await modules("use/trained-model");
    const preprocessing = { kind: "ink", height: 8, width: 8, box: 6, polarity: "auto", centre: "mass", minStroke: 1 };
    const about = {
      inputShape: [8, 8, 1],
      classes: ["a", "b", "c"],
      preprocessing,
      metrics: { test: { accuracy: 1 } },
    };
    if (named) {
      const { create } = await modules("models/registry");
      const model = TrainedModel.of(create("mlp", { inputShape: [8, 8, 1], classes: 3 }));
      model.preprocessing = preprocessing;
      return model;
    }
    const { Conv2d } = await modules("nn/conv");
    const { Linear } = await modules("nn/linear");
    const { MaxPool2d } = await modules("nn/pool");
    const { Flatten } = await modules("nn/flatten");
    const { GELU, ReLU } = await modules("nn/activation");
    const { Sequential } = await modules("nn/sequential");
    const layers = [new Conv2d(1, 2, 3), new GELU(), new MaxPool2d(2), new Flatten(), new ReLU(), new Linear(18, 3)];
    return new TrainedModel(new Sequential(...layers), { ...about, seed: 1 });
  };

  /** Ways to damage a model file, all but the first of which end with a right checksum. */
  const damagedModel = async (seeds, rng, inMetadata = (meta) => mutateJson(meta, rng)) => {
    const bytes = rng.pick(seeds);
    const { header, data } = split(bytes);
    const metadata = header.__metadata__;
    const way = rng.draw(10);
    if (way === 0) return mutateBytes(bytes, rng);
    if (way === 1) return sealed(mutateBytes(bytes, rng));
    if (way === 2) return sealed(joined({ header: mutateJson(header, rng), data }));
    const ductus = JSON.stringify(inMetadata(JSON.parse(metadata.ductus)));
    return sealed(joined({ header: { ...header, __metadata__: { ...metadata, ductus } }, data }));
  };

  const weights = new Map([
    ["fc.weight", { shape: [2, 3], data: ramp(6) }],
    ["fc.bias", { shape: [2], data: Int32Array.of(1, 2) }],
  ]);

  return {
    async model() {
      const { encodeModel, load } = await modules("use/trained-model");
      const backend = await (await modules("platform/node/platform")).nodePlatform.createBackend({ threads: 1 });
      const seeds = [await encodeModel(await smallModel(false)), await encodeModel(await smallModel(true))];
      return {
        make: (rng) =>
          damagedModel(seeds, rng, (meta) => {
            const part = rng.pick(["graph", "graph", "task", "task", "architecture", "all"]);
            return part === "all" ? mutateJson(meta, rng) : { ...meta, [part]: mutateJson(meta[part], rng) };
          }),
        read: (bytes) => load(bytes, { backend }),
        close: () => backend.close(),
      };
    },

    async checkpoint() {
      const { decodeCheckpoint, checkSame } = await modules("train/checkpoint");
      const { encodeModel } = await modules("use/trained-model");
      const { fromPlain } = await modules("train/results");
      const result = {
        epoch: 1,
        step: 2,
        trainingLoss: 0.5,
        trainingAccuracy: 0.5,
        lr: 0.1,
        validation: { samples: 2, loss: 1 },
      };
      const progress = {
        ...{
          epoch: 1,
          batch: 0,
          step: 2,
          totalSteps: 4,
          sums: { samples: 0, loss: 0, correct: 0 },
          history: [result],
          best: 1,
        },
        ...{
          schedule: null,
          callbacks: { early: { best: 1 } },
          stopped: null,
          identity: { seed: 1, data: "x", ema: null },
        },
      };
      const tensors = new Map([["optimizer.fc.weight", { shape: [2], data: ramp(2) }]]);
      const seeds = [await encodeModel(await smallModel(false), { progress, tensors })];
      return {
        make: (rng) => damagedModel(seeds, rng, (meta) => ({ ...meta, training: mutateJson(meta.training, rng) })),
        read: (bytes) => {
          const checkpoint = decodeCheckpoint(bytes, "last.safetensors");
          checkpoint.progress.history.map(fromPlain);
          checkSame(checkpoint, progress.identity);
        },
      };
    },

    async safetensors() {
      const { serializeSafetensors } = await modules("formats/safetensors");
      const { decodeWeights } = await modules("formats/weights-file");
      const stored = new Map(
        [...weights].map(([key, { shape, data }], i) => [key, { dtype: i ? "I32" : "F32", shape, data }]),
      );
      const seed = serializeSafetensors(stored, { format: "pt" });
      return {
        make: (rng) => {
          const { header, data } = split(seed);
          return rng.chance(0.3) ? mutateBytes(seed, rng) : joined({ header: mutateJson(header, rng), data });
        },
        read: (bytes) => decodeWeights(bytes, "w.safetensors"),
      };
    },

    async predictions() {
      const { decodePredictions } = await modules("task/classify/saved-predictions");
      const { serializeSafetensors } = await modules("formats/safetensors");
      const tensors = [
        ["logits", { dtype: "F32", shape: [2, 3], data: ramp(6) }],
        ["labels", { dtype: "I32", shape: [2], data: Int32Array.of(0, 2) }],
      ];
      const seed = serializeSafetensors(new Map(tensors), {
        classes: '["a","b","c"]',
        dataset: "d",
        temperature: "1.5",
      });
      return {
        make: (rng) => {
          const { header, data } = split(seed);
          if (rng.chance(0.2)) return mutateBytes(seed, rng);
          if (rng.chance(0.5)) return joined({ header: mutateJson(header, rng), data });
          const classes = JSON.stringify(mutateJson(["a", "b", "c"], rng));
          return joined({ header: { ...header, __metadata__: { ...header.__metadata__, classes } }, data });
        },
        read: (bytes) => decodePredictions(bytes, "p.safetensors"),
      };
    },

    async torch() {
      const { decodeWeights } = await modules("formats/weights-file");
      const { serializeTorch } = await modules("formats/torch-writer");
      const { readZip, writeZip } = await modules("formats/zip");
      const seed = serializeTorch(weights);
      const entries = readZip(seed, "seed");
      return {
        make: (rng) => {
          if (rng.chance(0.3)) return mutateBytes(seed, rng);
          const pickle = mutatePickle(entries.get("archive/data.pkl"), rng);
          return writeZip(new Map([...entries, ["archive/data.pkl", pickle]]));
        },
        read: (bytes) => decodeWeights(bytes, "w.pt"),
      };
    },

    async "torch-stream"() {
      const { decodeWeights } = await modules("formats/weights-file");
      const magic = [0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
      const text = (word) => bytesOf("X", [word.length, 0, 0, 0], word);
      const storage = bytesOf("(", text("storage"), "ctorch\nFloatStorage\n", text("7"), text("cpu"), "K", [2], "NtQ");
      const tensor = bytesOf(
        "ctorch._utils\n_rebuild_tensor_v2\n(",
        storage,
        "K",
        [0],
        "K",
        [2],
        [0x85],
        "K",
        [1],
        [0x85],
      );
      const root = bytesOf([0x80, 2], "}(", text("w"), tensor, [0x89], "}tRu.");
      const head = bytesOf(magic, [0x80, 2], "M", [0xe9, 3], ".", [0x80, 2], "}.");
      const tail = bytesOf([0x80, 2], "](", text("7"), "e.", int64(2), new Uint8Array(ramp(2).buffer));
      return {
        make: (rng) => {
          const way = rng.draw(3);
          if (way === 0) return mutateBytes(bytesOf(head, root, tail), rng);
          return way === 1
            ? bytesOf(head, mutatePickle(root, rng), tail)
            : bytesOf(head, root, mutatePickle(tail, rng));
        },
        read: (bytes) => decodeWeights(bytes, "w.pt"),
      };
    },

    async "torch-tar"() {
      const { decodeWeights } = await modules("formats/weights-file");
      const text = (word) => bytesOf("X", [word.length, 0, 0, 0], word);
      const number = (n) => bytesOf([0x80, 2], "K", [n], ".");
      const storages = bytesOf(
        ...[number(1), [0x80, 2], text("s"), text("cpu"), "ctorch\nFloatStorage\n", [0x87], "."],
        ...[int64(2), new Uint8Array(ramp(2).buffer), [0x80, 2], "]."],
      );
      const tensors = bytesOf(number(1), [0x80, 2], text("t"), text("s"), "N", [0x87], ".", int64(1, 2, 1, 0));
      const pickle = bytesOf([0x80, 2], "}(", text("w"), text("t"), "Qu.");
      const file = (name, data) => {
        const header = new Uint8Array(512);
        header.set(encoder.encode(name));
        header.set(encoder.encode(data.length.toString(8).padStart(11, "0")), 124);
        header.set(encoder.encode("0"), 156);
        header.set(encoder.encode("ustar"), 257);
        return bytesOf(header, data, new Uint8Array((512 - (data.length % 512)) % 512));
      };
      const archive = (parts) =>
        bytesOf(...Object.entries(parts).map(([name, data]) => file(name, data)), new Uint8Array(1024));
      const parts = { storages, tensors, pickle };
      return {
        make: (rng) => {
          if (rng.chance(0.2)) return mutateBytes(archive(parts), rng);
          const name = rng.pick(Object.keys(parts));
          return archive({ ...parts, [name]: mutatePickle(parts[name], rng) });
        },
        read: (bytes) => decodeWeights(bytes, "w.tar"),
      };
    },

    async onnx() {
      const { importOnnx } = await modules("import/onnx");
      const { encodeModel } = await modules("use/trained-model");
      const { encodeOnnx } = await modules("formats/onnx");
      const { DataError } = await modules("engine/errors");
      const seeds = onnxGraphs().map(encodeOnnx);
      const nothing = async () => {
        throw new DataError("no such file");
      };
      return {
        make: (rng) => (rng.chance(0.15) ? mutateBytes : mutateProto)(rng.pick(seeds), rng),
        read: async (bytes) => encodeModel((await importOnnx(bytes, "n.onnx", nothing)).model),
      };
    },

    async recognizer() {
      const { encodeRecognizer } = await modules("export/recognizer");
      const { CHECKSUM_BYTES, openRecognizer } = await modules("export/standalone/recognizer");
      const { crc32 } = await modules("formats/checksum");
      const { bytes } = await encodeRecognizer(await smallModel(true));
      const body = bytes.slice(0, bytes.length - CHECKSUM_BYTES);
      const withSum = (content) => {
        const sum = bytes.slice(bytes.length - CHECKSUM_BYTES);
        new DataView(sum.buffer).setUint32(CHECKSUM_BYTES - 4, crc32(content), true);
        return bytesOf(content, sum);
      };
      const [card] = WebAssembly.Module.customSections(new WebAssembly.Module(bytes), "ductus").map((section) =>
        JSON.parse(decoder.decode(section)),
      );
      const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)]);
      const at = Buffer.from(body).indexOf(JSON.stringify(card).slice(0, 20));
      const nameAt = at - "ductus".length - 1;
      const end = at + encoder.encode(JSON.stringify(card)).length;
      // The section begins with its id, 0, and its length.
      const begin = nameAt - leb(end - nameAt).length - 1;
      const withCard = (json) => {
        const content = bytesOf([6], "ductus", encoder.encode(json));
        return withSum(bytesOf(body.subarray(0, begin), [0], leb(content.length), content, body.subarray(end)));
      };
      const drawn = Uint8Array.from({ length: 144 }, (_, i) => (i % 12 === 5 ? 0 : 255));
      return {
        make: (rng) => {
          const way = rng.draw(8);
          if (way === 0) return mutateBytes(bytes, rng);
          // No other code is run: what a module computes is up to whoever wrote it.
          if (way === 1) return withCard(decoder.decode(mutateBytes(encoder.encode(JSON.stringify(card)), rng)));
          if (way === 2) return withSum(mutateBytes(body.subarray(0, Math.min(begin, 60)), rng));
          return withCard(JSON.stringify(mutateJson(card, rng)) ?? "");
        },
        read: async (file) => {
          const recognizer = await openRecognizer(file);
          recognizer.see({ width: 12, height: 12, data: drawn });
        },
      };
    },

    async preprocessing() {
      const { preprocessingSchema } = await modules("picture/preprocessing-schema");
      const { check, Mismatch } = await modules("engine/schema");
      const { applyPreprocessing } = await modules("picture/preprocess");
      const { MNIST_PREPROCESSING } = await modules("picture/preprocessing");
      const seeds = [
        { ...MNIST_PREPROCESSING, keepBlank: true },
        { kind: "resize", height: 20, width: 30, channels: 3, invert: false },
      ];
      const sides = [1, 2, 5, 28, 64, 100, 300];
      return {
        make: (rng) => {
          const stored = mutateJson(rng.pick(seeds), rng);
          if (rng.chance(0.5) && stored?.kind === "ink")
            Object.assign(stored, { box: 1 + rng.draw(20), minStroke: rng.draw(65) });
          const [width, height, channels] = [rng.pick(sides), rng.pick(sides), 1 + rng.draw(4)];
          const data = Uint8Array.from({ length: width * height * channels }, () => (rng.chance(0.1) ? 0 : 255));
          return { stored, picture: { width, height, channels, data } };
        },
        read: ({ stored, picture }) => {
          const checked = check(preprocessingSchema, stored);
          if (!(checked instanceof Mismatch)) applyPreprocessing(checked, picture);
        },
      };
    },

    async augmentations() {
      const { buildSteps } = await modules("augment/augmentations");
      const { Workspace } = await modules("augment/workspace");
      const { parseStrictJson } = await modules("formats/text");
      const list = [
        { name: "rotate", degrees: 10, p: 0.5 },
        { name: "zoom", scale: [0.9, 1.1], aspect: [1, 1.1] },
        { name: "elastic", alpha: [0, 30], sigma: 3 },
        { name: "crop", padding: 2 },
        { name: "erase", area: [0.02, 0.2], fill: "noise" },
        { name: "mixup", alpha: 0.2 },
      ];
      const workspace = new Workspace({ height: 28, width: 28, channels: 1, ground: 0 }, { batchSize: 1, strokes: 1 });
      return {
        make: (rng) =>
          rng.chance(0.2)
            ? decoder.decode(mutateBytes(encoder.encode(JSON.stringify(list)), rng))
            : (JSON.stringify(mutateJson(list, rng)) ?? ""),
        read: (text) => buildSteps(parseStrictJson(text, "list.json"), workspace),
      };
    },

    async idx() {
      const { datasetFromIdx } = await modules("data/formats/idx-dataset");
      const { writeIdx } = await modules("data/formats/idx");
      const images = writeIdx({
        type: "uint8",
        dims: [3, 4, 4],
        data: Uint8Array.from({ length: 48 }, (_, i) => i * 5),
      });
      const labels = writeIdx({ type: "uint8", dims: [3], data: Uint8Array.of(0, 1, 2) });
      return {
        make: (rng) => ({
          images: rng.chance(0.7) ? mutateBytes(images, rng) : images,
          labels: rng.chance(0.5) ? mutateBytes(labels, rng) : labels,
        }),
        read: (files) =>
          datasetFromIdx({
            name: "set",
            images: { name: "images", bytes: files.images },
            labels: { name: "labels", bytes: files.labels },
          }),
      };
    },

    async csv() {
      const { parseCsv } = await modules("data/formats/csv");
      const pixels = Array.from({ length: 16 }, (_, i) => i * 15);
      const header = ["label", ...pixels.map((_, i) => `pixel${i}`)].join(",");
      const text = [header, ...["1", "2", "0"].map((label) => [label, ...pixels].join(","))].join("\n");
      const seeds = [text, text.replaceAll(",", ";"), text.slice(header.length + 1)].map((each) =>
        encoder.encode(each),
      );
      return {
        make: (rng) => mutateBytes(rng.pick(seeds), rng),
        read: (bytes) => parseCsv(bytes, { name: "t.csv" }),
      };
    },

    async runs() {
      const { readSavedRun } = await modules("cli/saved-runs");
      const { runsTable, summarizeRun } = await modules("cli/runs");
      const folder = await mkdtemp(join(tmpdir(), "ductus-fuzz-"));
      const score = { samples: 2, loss: 1, accuracy: 0.5 };
      const files = {
        "args.json": { verb: "train", data: "mnist", dataset: { name: "d", fingerprint: "f" }, model: "mlp" },
        "results.json": {
          test: {
            count: 3,
            loss: 1,
            accuracy: 0.5,
            interval: { low: 0, high: 1 },
            calibration: { expectedError: 0.1 },
          },
          ...{ ended: "2026", steps: 3, seconds: 4 },
        },
        "metrics.jsonl": { epoch: 1, step: 2, trainingLoss: 0.5, lr: 0.1, validation: score, seconds: 1 },
        "status.json": { end: "done", reason: "x", times: [{ step: 1, run: 2, epoch: 3 }] },
      };
      return {
        make: (rng) => {
          const name = rng.pick(Object.keys(files));
          const text = JSON.stringify(mutateJson(files[name], rng)) ?? "";
          return { name, text: rng.chance(0.2) ? mutateBytes(encoder.encode(text), rng) : text };
        },
        read: async ({ name, text }) => {
          for (const [file, value] of Object.entries(files)) await writeFile(join(folder, file), JSON.stringify(value));
          await writeFile(join(folder, name), text);
          const run = await readSavedRun(folder);
          runsTable([run]);
          JSON.stringify(summarizeRun(run));
        },
        close: () => rm(folder, { recursive: true, force: true }),
      };
    },
  };
}

/** Small classifiers, which between them have operators of every family. */
function onnxGraphs() {
  const float = (shape, data) => ({ dtype: "F32", shape, data });
  const whole = (...values) => ({ dtype: "I64", shape: [values.length], data: BigInt64Array.from(values, BigInt) });
  const node = (op, inputs, outputs, attributes = {}) => ({
    name: `${op}/${outputs}`,
    ...{ op, domain: "", inputs: inputs.split(" "), outputs: outputs.split(" "), attributes },
  });
  const ints = (...value) => ({ kind: "ints", value });
  const int = (value) => ({ kind: "int", value });
  const text = (value) => ({ kind: "string", value });
  const model = (nodes, initializers, metadata = {}) => ({
    ...{ opset: 17, producer: "fuzz", producerVersion: "1", metadata, nodes },
    initializers: new Map(Object.entries(initializers)),
    inputs: [{ name: "x", dtype: "F32", shape: ["N", 1, 6, 6] }],
    outputs: [{ name: "y", dtype: "F32", shape: ["N", 3] }],
  });
  const fc = (inputs) => float([3, inputs], ramp(3 * inputs));
  return [
    model(
      [
        node("Conv", "x k b", "c", { kernel_shape: ints(3, 3), pads: ints(1, 1, 1, 1), strides: ints(1, 1) }),
        node("BatchNormalization", "c s t m v", "n", { epsilon: { kind: "float", value: 1e-5 } }),
        node("Relu", "n", "r"),
        node("MaxPool", "r", "p", { kernel_shape: ints(2, 2), strides: ints(2, 2), ceil_mode: int(1) }),
        node("Flatten", "p", "f", { axis: int(1) }),
        node("Gemm", "f w bias", "g", { transB: int(1) }),
        node("Softmax", "g", "y", { axis: int(-1) }),
      ],
      {
        ...{ k: float([2, 1, 3, 3], ramp(18)), b: float([2], ramp(2)), s: float([2], ramp(2)), t: float([2], ramp(2)) },
        ...{ m: float([2], ramp(2)), v: float([2], Float32Array.of(1, 2)), w: fc(18), bias: float([3], ramp(3)) },
      },
      { classes: '["a","b","c"]', normalization: '{"mean":0.5,"std":0.5}', input_type: '"uint8"' },
    ),
    model(
      [
        node("Constant", "", "two", { value: { kind: "tensor", value: whole(1, 1, 2, 2) } }),
        node("Tile", "x two", "tiled"),
        node("Resize", "tiled none sc", "small", { mode: text("linear") }),
        node("Pad", "small pads", "padded", { mode: text("reflect") }),
        node("AveragePool", "padded", "a", {
          kernel_shape: ints(3, 3),
          pads: ints(1, 1, 0, 0),
          count_include_pad: int(1),
        }),
        node("ConvTranspose", "a up", "u", { strides: ints(2, 2) }),
        node("Slice", "u from to ax", "cut"),
        node("Concat", "cut cut", "both", { axis: int(1) }),
        node("Shape", "both", "sh"),
        node("Gather", "sh zero", "n0", { axis: int(0) }),
        node("Concat", "n0 rest", "wanted", { axis: int(0) }),
        node("Reshape", "both wanted", "flat"),
        node("MatMul", "flat w", "y"),
      ],
      {
        ...{
          none: float([0], new Float32Array(0)),
          sc: float([4], Float32Array.of(1, 1, 0.5, 0.5)),
          pads: whole(0, 0, 1, 1, 0, 0, 1, 1),
        },
        ...{
          up: float([1, 1, 2, 2], ramp(4)),
          from: whole(0, 0),
          to: whole(4, 4),
          ax: whole(2, 3),
          zero: whole(0),
          rest: whole(-1),
        },
        w: float([32, 3], ramp(96)),
      },
    ),
    model(
      [
        node("ConstantOfShape", "shape", "zeros"),
        node("Expand", "x wide", "e"),
        node("Add", "e zeros", "s"),
        node("ReduceMean", "s", "m", { axes: ints(1), keepdims: int(1) }),
        node("Transpose", "m", "t", { perm: ints(0, 2, 3, 1) }),
        node("Unsqueeze", "t one", "q"),
        node("Squeeze", "q one", "v"),
        node("LRN", "v", "l", { size: int(3) }),
        node("Split", "l", "p1 p2", { axis: int(1) }),
        node("Sum", "p1 p2 p1", "z"),
        node("Clip", "z low high", "cl"),
        node("GlobalAveragePool", "cl", "ga"),
        node("Flatten", "cl", "f"),
        node("MatMul", "f w", "y"),
      ],
      {
        ...{ shape: whole(1, 2, 6, 6), wide: whole(1, 2, 6, 6), one: whole(1), low: float([], Float32Array.of(0)) },
        ...{ high: float([], Float32Array.of(6)), w: float([18, 3], ramp(54)) },
      },
    ),
  ];
}
