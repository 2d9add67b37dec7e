/** `ductus studio` as it is typed: what its server gives, and what it keeps to itself. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ductus, ensureBuilt, start } from "./run-cli.ts";

let cwd: string;
let url: string;
let child: ChildProcess;
let ended: Promise<number | null>;

const RESULTS = {
  ended: "finished",
  seconds: 4.5,
  test: { count: 100, loss: 0.1, accuracy: 0.97, interval: { low: 0.91, high: 0.99 } },
};

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-studio-"));
  const run = join(cwd, "my runs", "one");
  await mkdir(run, { recursive: true });
  await writeFile(join(run, "args.json"), JSON.stringify({ data: "mnist", model: "mlp" }));
  await writeFile(join(run, "metrics.jsonl"), '{"epoch":1,"trainingLoss":0.5}\n');
  await writeFile(join(run, "results.json"), JSON.stringify(RESULTS));
  await writeFile(join(run, "report.html"), "<!doctype html><title>report</title>");
  await writeFile(join(run, "secret.txt"), "not for pages");
  await writeFile(join(cwd, "my runs", "best.safetensors"), "of no run");
  child = start(cwd, ["studio", "--runs", "my runs", "--port", "0", "--json"], {});
  ended = once(child, "exit").then(([status]) => status as number | null);
  const [line] = await once(createInterface({ input: child.stdout! }), "line");
  url = (JSON.parse(line) as { url: string }).url;
});
afterAll(async () => {
  child?.kill("SIGKILL");
  await rm(cwd, { recursive: true, force: true });
});

/** As it is, without the tidying of addresses that `fetch` does. */
function raw(path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    request({ hostname, port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

describe("ductus studio", () => {
  it("serves the page isolated, and says where the runs are", async () => {
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(response.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    const page = await response.text();
    expect(page).toContain('<meta name="ductus-runs" content="api/runs">');
    const [script] = page.match(/assets\/[^"]+\.js/) ?? [];
    const code = await fetch(new URL(script ?? "", url));
    expect(code.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    const again = await fetch(url, { headers: { "if-none-match": response.headers.get("etag") ?? "" } });
    expect(again.status).toBe(304);
    const model = await fetch(new URL("models/digits.safetensors", url));
    expect(Number((await model.arrayBuffer()).byteLength)).toBeGreaterThan(10_000);
  });

  it("lists runs, and gives the files of a run that pages may have", async () => {
    const runs = await (await fetch(new URL("api/runs", url))).json();
    expect(runs).toEqual([
      {
        name: "one",
        data: "mnist",
        model: "mlp",
        accuracy: 0.97,
        interval: { low: 0.91, high: 0.99 },
        epochs: 1,
        seconds: 4.5,
        ended: "finished",
        hasReport: true,
        files: expect.arrayContaining(["args.json", "metrics.jsonl", "results.json", "report.html"]),
      },
    ]);
    expect((runs as { files: string[] }[])[0].files).not.toContain("secret.txt");
    const report = await fetch(new URL("api/runs/one/report.html", url));
    expect(await report.text()).toContain("<title>report</title>");
  });

  it.each([
    ["a file beside the known ones", "/api/runs/one/secret.txt", 404],
    ["a way out of the runs", "/api/runs/../one/args.json", 404],
    ["… with escapes", "/api/runs/%2e%2e/my%20runs/one%2fargs.json", 404],
    ["… through the run", "/api/runs/one/..%2f..%2fetc%2fpasswd", 404],
    ["a way out of the site", "/../../package.json", 404],
    ["… with escapes", "/%2e%2e%2f%2e%2e%2fpackage.json", 404],
    ["a folder of runs that is none", "/api/runs/./best.safetensors", 404],
    ["bytes that are no text", "/%ff%fe", 400],
  ])("refuses %s", async (_, path, status) => {
    expect(await raw(path)).toBe(status);
  });

  it("answers this machine only, under its own names", async () => {
    expect(await raw("/", { host: "evil.example" })).toBe(403);
    expect(await raw("/", { host: "localhost:1" })).toBe(200);
    expect((await fetch(url, { method: "POST" })).status).toBe(405);
  });

  it("ends with Ctrl-C", async () => {
    child.kill("SIGINT");
    expect(await ended).toBe(0);
  });

  it("says that a port is taken or wrong", async () => {
    const wrong = await ductus(cwd, "studio", "--port", "70000");
    expect(wrong.status).toBe(2);
    expect(wrong.err).toMatch(/--port/);
    const socket = createServer();
    await new Promise<void>((resolve) => socket.listen(0, "127.0.0.1", resolve));
    const { port } = socket.address() as AddressInfo;
    const taken = await ductus(cwd, "studio", "--no-open", "--port", String(port));
    socket.close();
    expect(taken.status).toBe(1);
    expect(taken.err).toBe(`ductus: cannot listen on 127.0.0.1 port ${port}: it is in use; choose another --port\n`);
  });
});
