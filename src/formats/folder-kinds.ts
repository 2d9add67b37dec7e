/** What kind of folder something is that was given where a file is wanted, by the names in it; kinds.ts, for folders. */
import { DataError } from "../engine/errors.ts";
import { type Purpose, WANTED } from "./kinds.ts";

/** The model of a run's folder. */
export const BEST = "best.safetensors";

interface FolderKind {
  /** Goes on from "it is". */
  readonly name: string;
  readonly recognizes: (names: readonly string[]) => boolean;
  readonly step: (folder: string, names: readonly string[]) => string;
}

const has =
  (...wanted: readonly string[]) =>
  (names: readonly string[]): boolean =>
    wanted.every((name) => names.includes(name));
const ending =
  (pattern: RegExp) =>
  (names: readonly string[]): boolean =>
    names.some((name) => pattern.test(name));
const plain = (folder: string): string => folder.replace(/[\\/]+$/, "");
const stem = (folder: string): string => plain(folder).replace(/^.*[\\/]|\.[^.\\/]*$/g, "") || "model";
const MODELS = /\.(?:safetensors|onnx|pth?|keras|h5|tflite)$/;
const SHOWN = 3;

/** The first that recognizes a folder says what it is. */
const FOLDERS: readonly FolderKind[] = [
  {
    name: "a SavedModel of TensorFlow",
    recognizes: ending(/^saved_model\.pb(?:txt)?$/),
    step: (folder) =>
      `convert it: python -m tf2onnx.convert --saved-model ${plain(folder)} --output ${stem(folder)}.onnx, then ductus import ${stem(folder)}.onnx`,
  },
  {
    name: "a model of TensorFlow.js",
    recognizes: has("model.json"),
    step: (folder) =>
      `convert it: python -m tf2onnx.convert --tfjs ${plain(folder)}/model.json --output ${stem(folder)}.onnx, then ductus import ${stem(folder)}.onnx`,
  },
  {
    name: "a Core ML package (.mlpackage)",
    recognizes: has("Manifest.json", "Data"),
    step: () => "export the network that it was made from as ONNX, then ductus import",
  },
  {
    name: "a PyTorch file that was unpacked",
    recognizes: has("data.pkl", "version"),
    step: () => "give the .pt file that it was unpacked from",
  },
  {
    name: "the folder of a run without a model yet",
    recognizes: (names) => has("args.json")(names) && !names.includes(BEST),
    step: (folder) => `go on with it: ductus train --resume ${plain(folder)}`,
  },
  { name: "an empty folder", recognizes: (names) => names.length === 0, step: () => "give the file that is meant" },
  {
    name: "a folder",
    recognizes: ending(MODELS),
    step: (folder, names) => {
      const files = names.filter((name) => MODELS.test(name));
      const shown = files.slice(0, SHOWN).map((name) => `${plain(folder)}/${name}`);
      return `give one file: ${shown.join(", ")}${files.length > SHOWN ? " …" : ""}`;
    },
  },
  {
    name: "a folder of pictures",
    recognizes: ending(/\.(?:png|jpe?g|webp)$/i),
    step: (folder) => `give them one by one: ${plain(folder)}/*.png`,
  },
];

/** What is wrong with a folder that was given where a file is wanted. @param names of what is in it */
export function otherFolder(names: readonly string[], folder: string, purpose: Purpose): DataError {
  const kind = FOLDERS.find(({ recognizes }) => recognizes(names));
  const [name, step] = kind === undefined ? ["a folder", "give a file in it"] : [kind.name, kind.step(folder, names)];
  return new DataError(`${folder} ${WANTED[purpose]}: it is ${name}; ${step}`);
}
