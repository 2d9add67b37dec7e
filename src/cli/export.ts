/** `ductus export`: writes a model as something to ship, checked against the model before anything is written. */
import { basename, dirname, extname, join, resolve } from "node:path";
import { Command, Option } from "commander";
import { UsageError } from "../engine/errors.ts";
import { EXPORTERS, findExporter } from "../export/exporters.ts";
import type { OnnxInput } from "../export/onnx.ts";
import type { Agreement, RecognizerSpeed } from "../export/recognizer.ts";
import { type KernelTime, timesOf } from "../export/timing.ts";
import { fileError } from "../platform/node/atomic.ts";
import { makeFolder } from "../platform/node/files.ts";
import { platform } from "../platform/platform.ts";
import { columns, grouped } from "../task/text.ts";
import { openModel } from "./open-model.ts";
import { type CommonOptions, jsonOption } from "./options.ts";
import { byteSize, openTerminal, showNotes } from "./terminal.ts";

interface ExportOptions extends CommonOptions {
  readonly to: string;
  readonly input?: OnnxInput | undefined;
  readonly out?: string | undefined;
}

const width = Math.max(...Object.keys(EXPORTERS).map((name) => name.length));
const EXAMPLES = `
Formats:
${Object.entries(EXPORTERS)
  .map(([name, { title }]) => `  ${name.padEnd(width)}  ${title}`)
  .join("\n")}

Examples:
  $ ductus export digits.safetensors --to wasm              digits.wasm, digits.js and digits.d.ts
  $ ductus export digits.safetensors --to html              digits.html: draw, and see what it reads
  $ ductus export reader --to html                          reader.html: photograph a page, and see what it reads
  $ ductus export digits.safetensors --to onnx              digits.onnx: takes bytes, normalizes them itself
  $ ductus export digits.safetensors --to pt --out weights/digits`;

export function command(): Command {
  return new Command()
    .description("Writes a model as something to ship, once it was found to agree with the model.")
    .argument("<model>", "model file")
    .requiredOption("--to <format>", Object.keys(EXPORTERS).join(", "))
    .option("--out <path>", "folder and name of the files (default: the model's name, here)")
    .addOption(
      new Option("--input <kind>", "of onnx: pixels as the model takes them (default), or normalized numbers").choices([
        "pixels",
        "normalized",
      ]),
    )
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(path: string, { to, out, input, json }: ExportOptions): Promise<void> {
  const terminal = openTerminal(json === true);
  const exporter = findExporter(to);
  // Files get their suffixes from the export; who names the file itself means the same.
  const name = out === undefined ? basename(path, extname(path)) : basename(out, `.${to}`);
  const folder = dirname(out ?? "");
  const model = await openModel(path, terminal);
  const { files, agreement, speed, notes = [] } = await exporter.export(model, name, { input });
  const written = [...files].map(([file, data]) => ({ path: join(folder, file), data }));
  if (written.some((file) => join(file.path) === join(path))) {
    throw new UsageError(`${path} would be overwritten by its own export; give another name with --out`);
  }
  for (const into of new Set(written.map((file) => dirname(file.path)))) {
    try {
      await makeFolder(resolve(into));
    } catch (error) {
      throw fileError(error, "write", into);
    }
  }
  const rows: { path: string; bytes: number; gzipped: number }[] = [];
  for (const file of written) {
    await platform().writeFile(file.path, file.data);
    const bytes = typeof file.data === "string" ? new TextEncoder().encode(file.data) : file.data;
    rows.push({ path: file.path, bytes: bytes.length, gzipped: await gzippedSize(bytes) });
  }
  const total = (key: "bytes" | "gzipped"): number => rows.reduce((sum, row) => sum + row[key], 0);
  const cells = rows.map((row) => [row.path, byteSize(row.bytes), byteSize(row.gzipped)]);
  if (rows.length > 1) cells.push(["together", byteSize(total("bytes")), byteSize(total("gzipped"))]);
  for (const line of columns(["file", "size", "gzipped"], cells)) terminal.print(line);
  terminal.print();
  const kernels = await timesOf(model);
  for (const line of timeLines(kernels)) terminal.print(line);
  if (speed !== undefined) terminal.print(speedText(speed));
  terminal.print();
  terminal.print(agreementText(agreement));
  showNotes(terminal, notes);
  terminal.emit({ model: path, to, files: rows, agreement, notes, kernels, speed });
}

/** Kernels that take less are one line together. */
const LEAST_SHARE = 0.02;

function timeLines(kernels: readonly KernelTime[]): string[] {
  const shown = kernels.filter(({ share }) => share >= LEAST_SHARE);
  const rows = shown.map(({ ops, shape, microseconds, share }) => [
    `${ops} → ${shape.slice(1).join("×")}`,
    microseconds.toFixed(1),
    percent(share),
  ]);
  const sum = (all: readonly KernelTime[], key: "microseconds" | "share"): number =>
    all.reduce((total, kernel) => total + kernel[key], 0);
  const rest = kernels.filter(({ share }) => share < LEAST_SHARE);
  if (rest.length > 0)
    rows.push([`${rest.length} others`, sum(rest, "microseconds").toFixed(1), percent(sum(rest, "share"))]);
  rows.push(["together", sum(kernels, "microseconds").toFixed(1), ""]);
  return columns(["one picture, in the engine", "µs", "share"], rows);
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

function speedText({ readyMilliseconds, microseconds, of }: RecognizerSpeed): string {
  return `by itself: ready in ${readyMilliseconds.toFixed(0)} ms, then ${microseconds.toFixed(1)} µs a ${of}, its preparation aside`;
}

function agreementText({ of, samples, worst }: Agreement): string {
  if (of === "weights") return `read back: all ${grouped(samples)} numbers are the same, bit for bit`;
  const difference = worst === 0 ? "outputs are the same" : `outputs differ by at most ${worst.toExponential(0)}`;
  return `agrees with the model on ${grouped(samples)} inputs: ${difference}`;
}

async function gzippedSize(bytes: Uint8Array): Promise<number> {
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).arrayBuffer()).byteLength;
}
