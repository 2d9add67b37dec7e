/** `ductus serve` as it is typed: a real socket, real signals, real clients that misbehave. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeModel } from "../../src/use/trained-model.ts";
import { page, pngOf, printedForm } from "../read/tally.ts";
import { numbers } from "../serve/fixtures.ts";
import { ductus, ensureBuilt, start } from "./run-cli.ts";

let cwd: string;
beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-serve-"));
  await mkdir(join(cwd, "m/1"), { recursive: true });
  await writeFile(join(cwd, "m/1/model.safetensors"), await encodeModel(numbers(1)));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly log: Record<string, unknown>[];
  /** Resolves with the first line of the log that is like this. */
  logged(part: Record<string, unknown>): Promise<void>;
  readonly ended: Promise<number | null>;
}

async function launch(words: readonly string[], env: Record<string, string> = {}): Promise<Running> {
  const child = start(cwd, ["serve", ...words, "--port", "0", "--json"], env);
  const log: Record<string, unknown>[] = [];
  const listeners = new Set<() => void>();
  createInterface({ input: child.stderr! }).on("line", (line) => {
    log.push(JSON.parse(line));
    for (const listener of listeners) listener();
  });
  const ended = once(child, "exit").then(([status]) => status as number | null);
  const [line] = await once(createInterface({ input: child.stdout! }), "line");
  const { url } = JSON.parse(line) as { url: string };
  const logged = (part: Record<string, unknown>): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!log.some((entry) => Object.entries(part).every(([key, value]) => entry[key] === value))) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
    });
  return { child, url, port: Number(new URL(url).port), log, logged, ended };
}

const BODY = JSON.stringify({ instances: [[1, 2, 3]] });
const ask = (url: string): Promise<Response> => fetch(`${url}/v1/models/m:predict`, { method: "POST", body: BODY });

async function open(
  port: number,
  text: string,
): Promise<{ readonly socket: Socket; readonly answer: Promise<string> }> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  socket.on("error", () => {});
  const answer = once(socket, "close").then(() => received);
  socket.write(text);
  return { socket, answer };
}
const HEAD = `POST /v1/models/m:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${BODY.length}\r\n`;

describe("serve", () => {
  it("reads pages with the reader that comes with it, and the fields of a form", { timeout: 180_000 }, async () => {
    const { blank, filled, fields } = printedForm();
    await writeFile(join(cwd, "blank.png"), await pngOf(blank));
    await writeFile(join(cwd, "form.json"), JSON.stringify({ picture: "blank.png", fields }));
    const { child, url, ended } = await launch(["--fields", "form.json", "--quiet", "--timeout", "170"]);
    const read = async (body: BodyInit): Promise<[status: number, answer: unknown]> => {
      const response = await fetch(`${url}/read`, { method: "POST", body });
      return [response.status, await response.json()];
    };
    const answers = await Promise.all([read(await pngOf(filled)), read(await pngOf(filled)), read("no picture")]);
    expect(answers[0]).toMatchObject([
      200,
      { format: 1, model: "reader", numbers: [{ name: "first" }, { name: "second", refused: "nothing there" }] },
    ]);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toMatchObject([415, { error: expect.stringContaining("expected a picture") }]);
    expect(await read(await pngOf(page(400, 300, [])))).toMatchObject([
      422,
      { error: expect.stringMatching(/^the form is not found/) },
    ]);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    const none = await ductus(cwd, "serve", "m", "--fields", "form.json");
    expect([none.status, none.err]).toEqual([2, expect.stringContaining("none is served: ductus serve reader")]);
  });

  it("serves, takes a new version, and finishes what it accepted when it is stopped", async () => {
    const { child, url, port, logged, log, ended } = await launch(["m", "--poll", "50"]);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await ask(url)).status).toBe(200);
    await mkdir(join(cwd, "m/2"));
    await writeFile(join(cwd, "m/2/model.safetensors"), "half");
    await logged({ event: "model refused", version: "2" });
    expect((await ask(url)).status).toBe(200);
    await writeFile(join(cwd, "m/2/model.safetensors"), await encodeModel(numbers(2)));
    await logged({ event: "model", version: "2", replaces: "1" });

    // Accepted: its head is there. The body comes after the signal.
    const { socket, answer } = await open(port, `${HEAD}Expect: 100-continue\r\n\r\n`);
    await once(socket, "data");
    child.kill("SIGTERM");
    await logged({ event: "stopping" });
    // What still came before the socket closed is answered, and told to come no more.
    const refused = async (): Promise<void> => {
      for (;;) expect((await ask(url)).headers.get("connection")).toBe("close");
    };
    await expect(refused()).rejects.toThrow("fetch failed");
    socket.write(BODY);
    expect(await answer).toMatch(/connection: close.*predictions/is);
    expect(await ended).toBe(0);
    expect(log.at(-1)).toMatchObject({ event: "stopped" });
    await rm(join(cwd, "m/2"), { recursive: true });
  });

  it("loses no request of clients that keep their connections, nor of one that has just connected, when it stops", async () => {
    const { child, port, ended } = await launch(["m", "--quiet"]);
    let answered = 0;
    const lost: string[] = [];
    const ends: Promise<void>[] = [];
    const client = async (): Promise<void> => {
      const socket = connect(port, "127.0.0.1");
      let text = "";
      let isWaiting = false;
      const send = (): void => {
        isWaiting = true;
        socket.write(`${HEAD}\r\n${BODY}`);
      };
      socket.on("connect", send);
      socket.on("data", (chunk) => {
        text += chunk;
        if (!text.endsWith("]]}")) return;
        answered++;
        isWaiting = false;
        const isLast = /connection: close/i.test(text);
        text = "";
        if (isLast) socket.end();
        else setImmediate(send);
      });
      socket.on("error", () => {});
      await once(socket, "close");
      if (isWaiting) lost.push(text);
    };
    for (let i = 0; i < 32; i++) ends.push(client());
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Quiet when the server stops, and busy only then.
    const idle = connect(port, "127.0.0.1");
    await once(idle, "connect");
    for (let i = 0; i < 32; i++) ends.push(client());
    await new Promise((resolve) => setImmediate(resolve));
    child.kill("SIGTERM");
    await Promise.all(ends);
    idle.write(`${HEAD}\r\n${BODY}`);
    const [late] = await once(idle, "data");
    expect(String(late)).toMatch(/^HTTP\/1.1 200 .*connection: close/is);
    expect(lost).toEqual([]);
    expect(answered).toBeGreaterThan(64);
    expect(await ended).toBe(0);
  });

  it("survives slow, cut-off and nonsensical connections", async () => {
    const { child, url, port, ended } = await launch(["m", "--timeout", "1", "--max-body", "1000"], {
      DUCTUS_API_KEY: "k",
    });
    const key = "X-API-Key: k\r\n";
    expect((await ask(url)).status).toBe(401);
    const slow = await open(port, `${HEAD}${key}\r\n{`);
    const slowHead = await open(port, "POST /v1/mod");
    const nonsense = await open(port, "\u0000\u0001\r\n\r\n");
    const large = await open(
      port,
      `POST /recognise HTTP/1.1\r\nHost: localhost\r\n${key}Content-Length: 99999999999\r\n\r\nxx`,
    );
    const cut = await open(port, `${HEAD}${key}\r\n{"inst`);
    cut.socket.destroy();
    expect(await slow.answer).toMatch(/^HTTP\/1.1 408 /);
    expect(await slowHead.answer).toMatch(/^HTTP\/1.1 408 /);
    expect(await nonsense.answer).toMatch(/^HTTP\/1.1 400 /);
    expect(await large.answer).toMatch(/^HTTP\/1.1 413 /);
    const headers = { Authorization: "Bearer k" };
    const response = await fetch(`${url}/v1/models/m:predict`, { method: "POST", body: BODY, headers });
    expect(response.status).toBe(200);
    child.kill("SIGINT");
    expect(await ended).toBe(0);
  });

  it.each([
    [["none"], 2, /none: there is no such file or folder/],
    [["."], 1, /\. is not a model file: it is an empty folder/],
    [["m", "--port", "70000"], 2, /--port must be a whole number from 0 to 65535/],
    [["m", "--allow-origin", "https://a.example", "b"], 2, /--allow-origin: "b" is no origin/],
    [["m", "--allowed-hosts", "a.example,http://b"], 2, /--allowed-hosts: "http:\/\/b" is no host name/],
    [["m", "--host", "203.0.113.1", "--quiet"], 1, /cannot listen on 203\.0\.113\.1/],
  ])("%j is refused in one line", async (words, expected, message) => {
    await mkdir(join(cwd, "empty"), { recursive: true });
    const { status, err } = await ductus(words[0] === "." ? join(cwd, "empty") : cwd, "serve", ...words);
    expect(err).toMatch(message);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(status).toBe(expected);
  });
});
