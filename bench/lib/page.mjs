/** Ductus as a contender in a page of Chromium: cross-origin isolated, programs and threads in workers. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { rolldown } from "rolldown";
import { UsageError } from "../../dist/engine/errors.js";

const PATHS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** Long enough for V8 to replace its first, quick translation of a program. */
const WARM_UP = 1;
/** Nothing is fetched from it: the browser is given the files of this address. Pages of http cannot be isolated. */
const ORIGIN = "https://bench.test/";
const HEADERS = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

async function workerCode() {
  const input = fileURLToPath(new URL("../children/page-worker.mjs", import.meta.url));
  const bundle = await rolldown({ input, platform: "browser" });
  const { output } = await bundle.generate({ format: "esm", codeSplitting: false });
  return output[0].code;
}

/** Opens tasks as {@link Ductus} does, in a page. Close it in the end. */
export class PageDuctus {
  name = "page";
  #browser;
  #page;

  /** @throws UsageError where there is no Chromium */
  static async start() {
    const executablePath = PATHS.find((path) => path !== undefined && existsSync(path));
    if (executablePath === undefined) throw new UsageError("there is no Chromium here; CHROMIUM names one");
    const contender = new PageDuctus();
    contender.#browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    contender.versions = { chromium: contender.#browser.version() };
    const context = await contender.#browser.newContext();
    const files = { "": ["text/html", "<!doctype html>"], "worker.js": ["text/javascript", await workerCode()] };
    await context.route(`${ORIGIN}**`, async (route) => {
      const [contentType, body] = files[route.request().url().slice(ORIGIN.length)] ?? ["text/plain", ""];
      await route.fulfill({ contentType, body, headers: HEADERS });
    });
    contender.#page = await context.newPage();
    await contender.#page.goto(ORIGIN);
    await contender.#page.evaluate(`worker = new Worker("worker.js", { type: "module" }); crossOriginIsolated`);
    return contender;
  }

  async open(task) {
    this.description = await this.#ask({ question: "open", task });
    const measure = (seconds) => this.#ask({ question: "measure", task, seconds });
    await measure(WARM_UP);
    return { measure };
  }

  async close() {
    await this.#browser.close();
  }

  async #ask(message) {
    const { answer, error } = await this.#page.evaluate(`new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(${JSON.stringify(message)});
    })`);
    if (error !== undefined) throw new Error(error);
    return answer;
  }
}
