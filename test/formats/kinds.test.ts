/** What files of other kinds are called, and what to do with them: by content, whatever their names. */
import { expect, test } from "vitest";
import { otherFolder } from "../../src/formats/folder-kinds.ts";
import { otherKind, type Purpose, refuseOtherKinds } from "../../src/formats/kinds.ts";
import { encodeOnnx } from "../../src/formats/onnx.ts";
import { serializeSafetensors } from "../../src/formats/safetensors.ts";
import { readZip, writeZip } from "../../src/formats/zip.ts";
import { expectRefusal, golden } from "./helpers.ts";

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const zip = (...names: string[]): Uint8Array => writeZip(new Map(names.map((name) => [name, latin1("{}")])));
/** As torch.jit.save and others write them: an archive whose entries are compressed. */
const compressed = (bytes: Uint8Array): Uint8Array => {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 4 <= bytes.length; at++) {
    if (view.getUint32(at, true) === 0x02014b50) view.setUint16(at + 10, 8, true);
  }
  return bytes;
};
const onnx = encodeOnnx({
  opset: 17,
  producer: "test",
  producerVersion: "",
  metadata: {},
  nodes: [],
  initializers: new Map(),
  inputs: [],
  outputs: [],
});
const hdf5 = latin1("\x89HDF\r\n\x1a\n\0\0\0\0");
const tfjs = latin1(`{"format": "layers-model", "weightsManifest": []}`);
const keras = zip("metadata.json", "config.json", "model.weights.h5");
const script = compressed(zip("net/data.pkl", "net/code/x.py", "net/constants.pkl", "net/version"));
const exported = compressed(zip("net/archive_format", "net/models/model.json", "net/data/weights/weight_0"));
const bare = serializeSafetensors(new Map([["w", { dtype: "F32", shape: [1], data: Float32Array.of(1) }]]));

/** Content, what it is called, and what is to be done where a model is wanted. */
const others: Record<string, readonly [content: Uint8Array, is: RegExp, step: RegExp]> = {
  "empty.safetensors": [new Uint8Array(0), /it is empty/, /download or copy it again/],
  "weights.safetensors": [bare, /bare weights/, /--init weights\.safetensors/],
  "net.onnx": [onnx, /an ONNX model/, /ductus import net\.onnx/],
  "net.pt": [golden("checkpoint.pth"), /weights of PyTorch/, /--init net\.pt/],
  "old.pt": [golden("legacy-views.pt"), /weights of PyTorch/, /--init old\.pt/],
  "oldest.pth": [golden("oldest.tar"), /weights of PyTorch/, /--init oldest\.pth/],
  "cut.pt": [golden("checkpoint.pth").slice(0, 3000), /cut short or damaged/, /copy it again/],
  "scripted.pt": [script, /TorchScript/, /torch\.jit\.load\("scripted\.pt"\)\.state_dict\(\)/],
  "net.pt2": [exported, /exported program of PyTorch/, /torch\.export\.load\("net\.pt2"\)/],
  "net.keras": [keras, /Keras/, /then ductus import net\.onnx/],
  "net.h5": [hdf5, /HDF5 file, as Keras/, /tf2onnx.*then ductus import net\.onnx/],
  "net.tflite": [latin1("\x1c\0\0\0TFL3\0\0"), /TensorFlow Lite/, /tf2onnx.convert --tflite net\.tflite/],
  "model.json": [tfjs, /TensorFlow\.js/, /tf2onnx.convert --tfjs model\.json/],
  "saved_model.pb": [latin1("\x08\x01\x12\x03\x0a\x01x"), /SavedModel/, /--saved-model/],
  "frozen.pb": [latin1("\x0a\x10\x0a\x01x\x12\x0bPlaceholder"), /graph of TensorFlow/, /--graphdef frozen\.pb/],
  "net.mlmodel": [latin1("\x08\x04\x12\x01x\xa2\x1f\x01x"), /Core ML/, /as ONNX/],
  "net.gguf": [latin1("GGUF\x03\0\0\0"), /GGUF/, /no such networks/],
  "net.pkl": [latin1("\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x07sklearn."), /scikit-learn/, /ductus train/],
  "dict.pkl": [latin1("\x80\x04}."), /Python pickle/, /torch\.save/],
  "a.npy": [latin1("\x93NUMPY\x01\0"), /array of NumPy/, /save_file/],
  "a.npz": [zip("a.npy", "b.npy"), /arrays of NumPy/, /save_file/],
  "photos.zip": [zip("a/1.png"), /ZIP archive of something else/, /unpack it/],
  "seven.png": [latin1("\x89PNG\r\n\x1a\n"), /picture \(PNG\)/, /give the model there/],
  "seven.jpg": [latin1("\xff\xd8\xff\xe0\0\x10JFIF"), /picture \(JPEG\)/, /give the model there/],
  "train-images": [latin1("\0\0\x08\x03\0\0\0\x0a"), /IDX/, /--data/],
  "train.csv": [latin1("label,pixel0\n1,2\n"), /table \(CSV\)/, /--data train\.csv/],
  "lfs.safetensors": [latin1("version https://git-lfs.github.com/spec/v1\n"), /Git LFS/, /git lfs pull/],
  "page.pt": [latin1("\n<!DOCTYPE html><html><body>404"), /web page \(HTML\)/, /download the file itself/],
  "net.py": [latin1("import torch\n"), /it is text/, /the file that is meant/],
  "net.tar": [latin1(`${"a".repeat(257)}ustar${"\0".repeat(250)}`), /tar archive/, /tar xf net\.tar/],
  "net.pt.gz": [latin1("\x1f\x8b\x08\0"), /gzip/, /gzip -d net\.pt\.gz/],
  "digits.wasm": [latin1("\0asm\x01\0\0\0"), /WebAssembly/, /model file \(\.safetensors\)/],
  "noise.bin": [latin1("\x01\x02\x03\xff\xfe"), /no kind that is known/, /may be damaged/],
};

test.each(Object.entries(others))("%s, given as a model, is called what it is", (name, [bytes, is, step]) => {
  const refuse = (): void => refuseOtherKinds(bytes, name, "model");
  expectRefusal(refuse, is, `${name} is not a model file: `);
  expectRefusal(refuse, step);
});

test("what is wanted is not refused, and other purposes have other steps", () => {
  const right: readonly (readonly [Purpose, Uint8Array])[] = [
    ["model", golden("model.safetensors")],
    ["weights", golden("model.safetensors")],
    ["weights", bare],
    ["weights", golden("views.pt")],
    ["weights", golden("legacy.pt")],
    ["weights", golden("oldest.tar")],
    ["import", onnx],
    ["import", onnx.slice(0, -3)],
    ["picture", latin1("\x89PNG\r\n\x1a\n")],
  ];
  for (const [purpose, bytes] of right) refuseOtherKinds(bytes, "a", purpose);
  const refused = (purpose: Purpose, bytes: Uint8Array, message: RegExp): void =>
    expectRefusal(() => refuseOtherKinds(bytes, "a", purpose), message, "a ");
  refused("import", golden("views.pt"), /not an ONNX file: .*torch\.onnx\.export, or .*--init a/);
  refused("import", script, /not an ONNX file: .*torch\.onnx\.export/);
  refused("import", golden("model.safetensors"), /not an ONNX file: .*needs no import: ductus evaluate a/);
  refused("weights", onnx, /no weights that can be read: .*ductus import a/);
  refused("weights", latin1("label,pixel0\n1,2\n"), /no weights that can be read: it is a table/);
  refused("picture", golden("model.safetensors"), /not a picture: .*ductus predict MODEL PICTURE/);
  refused("data", golden("model.safetensors"), /holds no samples that can be read: .*ductus evaluate a --data DATA/);
  refused("data", onnx, /ONNX model; .*ductus import a/);
  refused("data", latin1("\x93NUMPY\x01\0"), /numpy\.savetxt\("a\.csv"/);
  refused("data", latin1("\x89PNG\r\n"), /a folder of pictures for each class/);
  refused("data", latin1("1,2,3\n"), /one of samples has a line for each picture/);
  expect(otherKind(latin1("\x01\x02"), "a", "picture")).toBeUndefined();
});

test("a PyTorch file is told by its names, whatever order and folder they are in", () => {
  const entries = [...readZip(golden("protocol4.pt"), "a")].reverse();
  refuseOtherKinds(writeZip(new Map(entries)), "a", "weights");
});

test("a folder is called what it is", () => {
  const folders: readonly (readonly [names: readonly string[], message: RegExp])[] = [
    [["assets", "saved_model.pb", "variables"], /SavedModel.*--saved-model models\/net --output net\.onnx/],
    [["group1-shard1of1.bin", "model.json"], /TensorFlow\.js.*--tfjs models\/net\/model\.json/],
    [["Data", "Manifest.json"], /Core ML package/],
    [["args.json", "metrics.jsonl"], /run without a model yet; .*--resume models\/net/],
    [["a.safetensors", "b.onnx"], /give one file: models\/net\/a\.safetensors, models\/net\/b\.onnx/],
    [["1.png", "2.png"], /folder of pictures/],
    [[], /empty folder/],
    [["x"], /it is a folder; give a file in it/],
  ];
  for (const [names, message] of folders) {
    expectRefusal(
      () => {
        throw otherFolder(names, "models/net/", "model");
      },
      message,
      "models/net/ is not a model file: ",
    );
  }
});
