/** `ductus studio` as it is typed: what its server gives, and what it keeps to itself. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
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
  // Runs as somebody else may have packed them: with links to what is not theirs.
  await writeFile(join(cwd, "private.html"), "a secret");
  const linked = join(cwd, "my runs", "linked");
  await mkdir(linked);
  await writeFile(join(linked, "args.json"), "{}");
  await writeFile(join(linked, "last.safetensors"), "its own");
  await symlink(join(cwd, "private.html"), join(linked, "report.html"));
  await symlink("last.safetensors", join(linked, "best.safetensors"));
  await symlink("../one/args.json", join(linked, "environment.json"));
  const elsewhere = join(cwd, "elsewhere");
  await mkdir(elsewhere);
  await writeFile(join(elsewhere, "args.json"), "{}");
  await symlink(elsewhere, join(cwd, "my runs", "out"));
  const borrowed = join(cwd, "my runs", "borrowed");
  await mkdir(borrowed);
  await symlink(join(elsewhere, "args.json"), join(borrowed, "args.json"));
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
    expect((runs as { name: string }[]).map(({ name }) => name)).toEqual(["linked", "one"]);
    expect((runs as object[]).slice(1)).toEqual([
      {
        name: "one",
        status: "done",
        data: "mnist",
        model: "mlp",
        measure: "accuracy",
        value: 0.97,
        interval: { low: 0.91, high: 0.99 },
        epochs: 1,
        seconds: 4.5,
        ended: "finished",
        hasReport: true,
        files: expect.arrayContaining(["args.json", "metrics.jsonl", "results.json", "report.html"]),
      },
    ]);
    expect((runs as { files: string[] }[])[1].files).not.toContain("secret.txt");
    expect((runs as object[])[0]).toMatchObject({
      hasReport: false,
      files: ["args.json", "best.safetensors", "last.safetensors"],
    });
    const report = await fetch(new URL("api/runs/one/report.html", url));
    expect(await report.text()).toContain("<title>report</title>");
    const policy = report.headers.get("content-security-policy") ?? "";
    expect(policy.split("; ")).toEqual(expect.arrayContaining(["sandbox", "default-src 'none'", "img-src data:"]));
    expect(policy).not.toContain("script");
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
    ["a link out of a run", "/api/runs/linked/report.html", 404],
    ["a link to another run's file", "/api/runs/linked/environment.json", 404],
    ["a run that is a link out of the runs", "/api/runs/out/args.json", 404],
    ["a run whose description is a link", "/api/runs/borrowed/args.json", 404],
    ["a link within the run", "/api/runs/linked/best.safetensors", 200],
  ])("answers %s with its status", async (_, path, status) => {
    expect(await raw(path)).toBe(status);
  });

  it("answers this machine only, under its own names", async () => {
    expect(await raw("/", { host: "evil.example" })).toBe(421);
    expect(await raw("/", { host: "rebound" })).toBe(421);
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
