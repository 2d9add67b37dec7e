/** `ductus import` as it is typed: a network of another program comes in, learns something new, and goes out again. */
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ductus, ensureBuilt } from "./run-cli.ts";

let cwd: string;
const golden = (name: string): string => fileURLToPath(new URL(`../import/golden/${name}`, import.meta.url));

/** A bar of 2×6 pixels on a black ground of 8×8, lying or standing. */
const rows = Array.from({ length: 60 }, (_, i) => {
  const [long, short] = i % 2 > 0 ? [1, 8] : [8, 1];
  const pixels = new Array<number>(64).fill(0);
  for (let k = 0; k < 12; k++)
    pixels[9 + (k % 6) * long + (k < 6 ? 2 + (i % 3) : 3 + (i % 3)) * short] = 160 + ((i * 31 + k * 17) % 90);
  return [i % 2 > 0 ? "lying" : "standing", ...pixels].join(",");
});

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-import-"));
  for (const name of ["keras.onnx", "torch-cnn.onnx", "apart.onnx", "apart.data"]) {
    await copyFile(golden(name), join(cwd, name));
  }
  await writeFile(join(cwd, "bars.csv"), `${rows.join("\n")}\n`);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

describe("import", () => {
  it.each([
    // Takes pixels 0 … 255
    ["keras", ["--std", "0.00392157"]],
    ["torch-cnn", []],
  ])("%s learns other classes, and goes out again", async (name, range) => {
    const first = await ductus(cwd, "import", `${name}.onnx`, "--classes", "a,b,c", ...range);
    expect(first.status, first.err).toBe(0);
    expect(first.out).toContain("input: 8×8×1 ");
    expect(first.out).toContain("classes: 3: a b c");
    expect(first.out).toContain(`written to ${name}.safetensors`);

    const training = ["--epochs", "40", "--lr", "0.02", "--batch-size", "16", "--augment", "none"];
    const words = ["--data", "bars.csv", ...training, "--val", "0", "--threads", "1", "--json"];
    const tuned = await ductus(cwd, "finetune", `${name}.safetensors`, ...words, "--out", `run-${name}`);
    expect(tuned.status, tuned.err).toBe(0);
    const measured = await ductus(cwd, "evaluate", `run-${name}/best.safetensors`, "--data", "bars.csv", "--json");
    expect(JSON.parse(measured.out).accuracy).toBe(1);

    const out = await ductus(cwd, "export", `run-${name}/best.safetensors`, "--to", "onnx", "--out", `again/${name}`);
    expect(out.status, out.err).toBe(0);
    const again = await ductus(cwd, "import", `again/${name}.onnx`, "--json");
    expect(JSON.parse(again.out)).toMatchObject({ inputShape: [8, 8, 1], classes: ["lying", "standing"] });
  });

  it("finds weights that stand beside the file", async () => {
    const { status, out, err } = await ductus(cwd, "import", "apart.onnx", "--json");
    expect(status, err).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ model: "apart.safetensors", weights: 208 });
  });

  it("finds weights in folders below, but follows no link out of them", async () => {
    const home = join(cwd, "home");
    await mkdir(join(home, "w"), { recursive: true });
    const text = (await readFile(golden("apart.onnx"))).toString("latin1");
    const path = join(home, "below.onnx");
    await writeFile(path, Buffer.from(text.replaceAll("apart.data", "w/art.data"), "latin1"));
    const run = () => ductus(cwd, "import", path, "--out", "below.safetensors");
    const missing = await run();
    expect(missing.err).toMatch(/^ductus: .*below\.onnx: tensor .*stands in another file: .*art\.data/);
    await copyFile(golden("apart.data"), join(home, "w", "real.data"));
    await symlink("real.data", join(home, "w", "art.data"));
    const inside = await run();
    expect(inside.status, inside.err).toBe(0);
    await rm(join(home, "w", "art.data"));
    await symlink(join("..", "..", "apart.data"), join(home, "w", "art.data"));
    const outside = await run();
    expect(outside.status).toBe(1);
    expect(outside.err).toMatch(/^ductus: .*below\.onnx: .*"w\/art\.data" is a link out of the model's folder/);
  });

  it.each([
    [["bars.csv"], 1, /bars\.csv/],
    [["nowhere.onnx"], 1, /nowhere\.onnx/],
    [["keras.onnx", "--classes", "a,b"], 2, /tells 3 classes apart but 2 are named/],
    [["keras.onnx", "--std", "wide"], 2, /--std must be numbers/],
    [["keras.onnx", "--out", "keras.onnx"], 2, /would be overwritten/],
    // What it is comes first.
    [["nothing.safetensors"], 1, /cannot read nothing\.safetensors: there is no such file/],
    [["keras.onnx", "--layout", "CHWN"], 2, /--layout/],
  ])("%j is refused in one line", async (words, expected, message) => {
    const { status, err } = await ductus(cwd, "import", ...words);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(err).toMatch(message);
    expect(status).toBe(expected);
  });
});
