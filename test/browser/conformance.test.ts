/**
 * The conformance suite, bundled, in Chromium: the same files as in Node, so the same cases against the same oracle, and
 * strict arithmetic gives the bits that are committed. In an isolated page everything, with threads; in another what
 * says most on one thread. Skipped, with a line that says so, where there is no Chromium.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, openBrowser } from "../export/draw.ts";
import { bundle } from "./bundle.ts";
import { messageOfWorker, serve } from "./page.ts";
import type { Outcome } from "./page-vitest.ts";

const REPLACED = {
  vitest: "test/browser/page-vitest.ts",
  "wasm-backend.ts": "test/browser/page-backend.ts",
};

/** @param without backends to leave out */
async function run(
  browser: Browser,
  suites: readonly string[],
  isolated: boolean,
  without: readonly string[] = [],
): Promise<Outcome> {
  const imports = suites.map((name) => `import "./test/conformance/${name}.test.ts";`);
  const code = `${imports.join("\n")}
import { runTests } from "./test/browser/page-vitest.ts";
onmessage = async ({ data }) => postMessage({ isolated: crossOriginIsolated, ...(await runTests(data)) });`;
  const { files } = await bundle(code, { whole: true, instead: REPLACED });
  const [main] = files.keys();
  const site = await serve(files, { isolated });
  const page = await browser.newPage();
  try {
    await page.goto(site.address);
    const outcome = await messageOfWorker<Outcome & { readonly isolated: boolean }>(page, main, without);
    expect(outcome.isolated).toBe(isolated);
    return outcome;
  } finally {
    await page.close();
    site.close();
  }
}

describe.skipIf(chromiumPath === undefined)("the engine in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  test("conforms, on several threads, in an isolated page", { timeout: 300_000 }, async () => {
    const suites = ["ops", "functions", "program", "random", "determinism"];
    const { passed, failed } = await run(browser, suites, true, ["reference", "wasm, 1 thread"]);
    expect(failed).toEqual([]);
    expect(passed).toContain("strict arithmetic gives the committed bits");
    expect(passed.filter((name) => name.startsWith("wasm, 3 threads")).length).toBeGreaterThan(2000);
  });

  test("conforms, on one thread, in a page that is not isolated", { timeout: 300_000 }, async () => {
    const { passed, failed } = await run(browser, ["program", "determinism"], false);
    expect(failed).toEqual([]);
    expect(passed).toContain("strict arithmetic gives the committed bits");
  });
});
