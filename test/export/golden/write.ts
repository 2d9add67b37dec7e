/** Writes what `--to pt` makes of the models of ../torch-models.ts into a folder; make.py runs it, bundled. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportWeights } from "../../../src/export/weights.ts";
import { TORCH_MODELS } from "../torch-models.ts";

const [folder] = process.argv.slice(2);
const shapes: Record<string, readonly number[]> = {};
for (const [i, [name, make]] of Object.entries(TORCH_MODELS).entries()) {
  const model = make();
  const { files } = await exportWeights(model, `network${i}`, "pt");
  for (const [file, data] of files) writeFileSync(join(folder, file), data);
  shapes[name] = model.inputShape;
}
writeFileSync(join(folder, "shapes.json"), JSON.stringify(shapes));
