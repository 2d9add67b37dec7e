/** Processes that are measured as a whole: run, timed from the start to the end, and what they print. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { DuctusError } from "../../dist/engine/errors.js";

const here = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));

/** The `ductus` command of the build, as words. */
export const DUCTUS = [process.execPath, here("../dist/cli/main.js")];
export const nodeScript = (file, ...words) => [process.execPath, here(file), ...words.map(String)];
export const pythonScript = (file, ...words) => [process.env.PYTHON || "python3", here(file), ...words.map(String)];

/**
 * Runs a command until it ends.
 * @param env variables beside those of this process
 * @returns {{ seconds, text }} from start to end, and its standard output
 * @throws DuctusError with the last line of its standard error when it fails
 */
export async function run([command, ...words], env = {}) {
  const started = performance.now();
  const child = spawn(command, words, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const [text, errors] = [[], []];
  child.stdout.on("data", (part) => text.push(part));
  child.stderr.on("data", (part) => errors.push(part));
  const status = await new Promise((resolve) => {
    child.on("error", (error) => resolve(error.code));
    child.on("close", resolve);
  });
  const seconds = (performance.now() - started) / 1000;
  if (status === 0) return { seconds, text: Buffer.concat(text).toString() };
  const last = Buffer.concat(errors).toString().trim().split("\n").at(-1);
  throw new DuctusError(`${command} ended with ${status}: ${last}`);
}

/** Runs a command whose last line is JSON. @returns {{ seconds, result }} */
export async function runJson(words, env) {
  const { seconds, text } = await run(words, env);
  return { seconds, result: JSON.parse(text.trim().split("\n").at(-1)) };
}
