/**
 * Readers of files that come from strangers, on files that are damaged at random: each gives a result or refuses in one line, soon.
 * The same targets, with as many inputs as one likes: npm run bench -- fuzz.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { fuzz } from "../../bench/lib/fuzz.mjs";
import { targetsOf } from "../../bench/lib/fuzz-targets.mjs";
import { DuctusError } from "../../src/engine/errors.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";

beforeAll(() => setPlatform(nodePlatform));

const TARGETS = targetsOf(
  (path) => import(/* @vite-ignore */ new URL(`../../src/${path}.ts`, import.meta.url).pathname),
);

/** Of each target; fewer where a whole network is compiled. */
const INPUTS = 300;
const COMPILED: Readonly<Record<string, number>> = { model: 100, onnx: 60, recognizer: 60 };
/** Of processor time: far more than any takes, as others may use the machine. */
const SOON = 20_000;

describe("a damaged file", () => {
  it.each(Object.keys(TARGETS))("of the kind %s", async (name) => {
    const target = await TARGETS[name]();
    const errors: string[] = [];
    const lines: string[] = [];
    const isRefusal = (error: unknown): boolean => {
      if (error instanceof DuctusError) lines.push(error.message);
      return error instanceof DuctusError;
    };
    const hear = (input: number, error: unknown): void => {
      errors.push(`${input}: ${error instanceof Error ? error.stack : error}`);
    };
    const found = await fuzz(target, { count: COMPILED[name] ?? INPUTS, seed: 1, isRefusal, hear });
    await target.close?.();
    expect(errors).toEqual([]);
    expect(found.slowest).toBeLessThan(SOON);
    for (const line of lines) {
      expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      expect(line.length).toBeLessThan(500);
    }
  });
});
