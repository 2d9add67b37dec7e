/**
 * `ductus train --strict` writes the same files, byte for byte, on another Node: where `DUCTUS_OTHER_NODE` names one, as
 * `.ci/run` does.
 */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { barsCsv } from "./bars-csv.ts";
import { ensureBuilt, finish, start } from "./run-cli.ts";

const other = process.env.DUCTUS_OTHER_NODE;
let cwd: string;
beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-strict-"));
  await writeFile(join(cwd, "bars.csv"), barsCsv(90));
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

it.skipIf(other === undefined)(
  "gives the same files on another Node",
  async () => {
    const digests = async (out: string, node?: string): Promise<readonly string[]> => {
      const how = ["--data", "bars.csv", "--model", "cnn-3x3", "--epochs", "2", "--augment", "digits", "--strict"];
      const { status, err } = await finish(start(cwd, ["train", ...how, "--out", out], {}, node));
      expect(status, err).toBe(0);
      const files = ["best.safetensors", "last.safetensors", "test-predictions.safetensors"];
      const bytes = await Promise.all(files.map((file) => readFile(join(cwd, out, file))));
      return bytes.map((data) => createHash("sha256").update(data).digest("hex"));
    };
    expect(await digests("there", other)).toEqual(await digests("here"));
  },
  120_000,
);
