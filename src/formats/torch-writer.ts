/** Writes PyTorch's `.pt` files: a state dict in the ZIP format of PyTorch 1.6 and later. The counterpart of torch.ts. */
import { DataError } from "../engine/errors.ts";
import { PickleWriter } from "./pickle-writer.ts";
import { bytesOf, elementCount, type NamedTensor, rowMajorStrides } from "./tensor-data.ts";
import { quote } from "./text.ts";
import { writeZip } from "./zip.ts";

/** Writes a state dict that `torch.load(file, weights_only=True)` opens; equal maps give equal bytes. */
export function serializeTorch(tensors: ReadonlyMap<string, NamedTensor>): Uint8Array {
  const encoder = new TextEncoder();
  const pickle = new PickleWriter();
  const storages: [string, Uint8Array][] = [];
  pickle.call("collections", "OrderedDict", () => pickle.tuple([])).mark();
  for (const [key, { shape, data }] of tensors) {
    if (elementCount(shape) !== data.length) {
      throw new DataError(
        `tensor ${quote(key)} has ${data.length} values, which is not its shape [${shape.join(", ")}]`,
      );
    }
    const storage = data instanceof Float32Array ? "FloatStorage" : "IntStorage";
    const index = String(storages.length);
    storages.push([`archive/data/${index}`, bytesOf(data)]);
    pickle.text(key).call("torch._utils", "_rebuild_tensor_v2", () => {
      pickle.mark().mark().text("storage").global("torch", storage).text(index).text("cpu").integer(data.length);
      pickle.tupleFromMark().persistent().integer(0).tuple(shape).tuple(rowMajorStrides(shape)).false();
      pickle.call("collections", "OrderedDict", () => pickle.tuple([])).tupleFromMark();
    });
  }
  return writeZip(
    new Map([
      ["archive/data.pkl", pickle.setItems().finish()],
      ["archive/.format_version", encoder.encode("1")],
      ["archive/.storage_alignment", encoder.encode("64")],
      ["archive/byteorder", encoder.encode("little")],
      ...storages,
      ["archive/version", encoder.encode("3\n")],
    ]),
  );
}
