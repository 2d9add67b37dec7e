/**
 * Who may ask: names that the server goes by, and pages of other origins, with requests as browsers send them and from a
 * page in Chromium. That part is skipped where there is none.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../src/engine/errors.ts";
import type { App } from "../../src/serve/context.ts";
import { hostCheck, isLoopback } from "../../src/serve/hosts.ts";
import { listen } from "../../src/serve/node/serve.ts";
import { readOrigins } from "../../src/serve/origins.ts";
import { serve as serveFiles } from "../browser/page.ts";
import { chromiumPath, openBrowser } from "../export/draw.ts";
import { json, numbers, type Served, serve, stored } from "./fixtures.ts";

const PATH = "/v1/models/numbers:predict";
const QUESTION = JSON.stringify({ instances: [[1, 2, 3]] });
const PAGE = "https://page.example";

let versions: ReadonlyMap<string, readonly Awaited<ReturnType<typeof stored>>[]>;
const all: Served[] = [];
async function app(options: Parameters<typeof serve>[1]): Promise<App> {
  const served = await serve(() => versions, options);
  all.push(served);
  return served.app;
}
beforeAll(async () => {
  versions = new Map([["numbers", [await stored("1", numbers())]]]);
});
afterAll(() => Promise.all(all.map(({ repository }) => repository.close())));

const preflight = (origin: string, headers: Record<string, string> = {}): RequestInit => ({
  method: "OPTIONS",
  headers: { Origin: origin, "Access-Control-Request-Method": "POST", ...headers },
});
const posted = (headers: Record<string, string>): RequestInit => ({
  method: "POST",
  body: new TextEncoder().encode(QUESTION),
  headers,
});
const cors = ({ headers }: Response): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith("access-control-") || name === "vary"));

describe("pages of other origins", () => {
  it("get nothing unless they are allowed, whatever type the body claims", async () => {
    const own = await app({});
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json", undefined]) {
      const headers = type === undefined ? {} : { "Content-Type": type };
      expect((await own.request(PATH, posted(headers))).status).toBe(200);
      const response = await own.request(PATH, posted({ ...headers, Origin: PAGE }));
      expect(response.status).toBe(403);
      expect(await response.json()).toEqual({
        error: expect.stringMatching(/^pages of https:\/\/page\.example may not/),
      });
      expect(cors(response)).toEqual({});
    }
    expect((await own.request(PATH, posted({ Origin: "null" }))).status).toBe(403);
    expect(
      (await own.request(PATH, posted({ "Sec-Fetch-Site": "same-site", Origin: "http://localhost:9" }))).status,
    ).toBe(403);
    expect(cors(await own.request(PATH, preflight(PAGE)))).toEqual({});
    expect(await (await own.request("/metrics")).text()).toContain(
      'predictions_total{model="numbers",version="1",label="',
    );
  });

  it("its own page is no other, also behind a proxy that renames the host", async () => {
    const own = await app({});
    const host = "digits.example:8501";
    expect((await own.request(PATH, posted({ Host: host, Origin: `http://${host}` }))).status).toBe(200);
    expect((await own.request(PATH, posted({ Host: host, Origin: `https://${host}` }))).status).toBe(200);
    expect((await own.request(PATH, posted({ Host: host, Origin: "http://digits.example" }))).status).toBe(403);
    const renamed = { Host: "10.0.0.1", Origin: PAGE, "Sec-Fetch-Site": "same-origin" };
    expect((await own.request(PATH, posted(renamed))).status).toBe(200);
  });

  it("are answered when they are listed, errors included, and the preflight needs no key", async () => {
    const listed = await app({ allowOrigins: [`${PAGE.toUpperCase()}/`, "null"], apiKey: "k" });
    const asked = await listed.request(
      PATH,
      preflight(PAGE, {
        "Access-Control-Request-Headers": "content-type,x-api-key",
        "Access-Control-Request-Private-Network": "true",
      }),
    );
    expect(asked.status).toBe(204);
    expect(cors(asked)).toEqual({
      "access-control-allow-origin": PAGE,
      "access-control-allow-methods": "GET, HEAD, POST",
      "access-control-allow-headers": "content-type,x-api-key",
      "access-control-allow-private-network": "true",
      "access-control-max-age": "7200",
      vary: "Access-Control-Request-Headers, Origin",
    });
    const readable = {
      "access-control-allow-origin": PAGE,
      "access-control-expose-headers": "Inference-Header-Content-Length, Retry-After",
      vary: "Origin",
    };
    const answered = await listed.request(PATH, posted({ Origin: PAGE, "X-API-Key": "k" }));
    expect([answered.status, cors(answered)]).toEqual([200, readable]);
    const refused = await listed.request(PATH, posted({ Origin: PAGE }));
    expect([refused.status, cors(refused)]).toEqual([401, readable]);
    const file = await listed.request(PATH, posted({ Origin: "null", "X-API-Key": "k" }));
    expect(file.headers.get("access-control-allow-origin")).toBe("null");
    // Others: the answer differs by origin, so no cache may keep it for all.
    for (const init of [posted({ Origin: "https://other.example" }), preflight("https://other.example")]) {
      const other = await listed.request(PATH, init);
      expect([other.status, cors(other)]).toEqual([403, { vary: "Origin" }]);
    }
    expect(cors(await listed.request("/v2/health/live"))).toEqual({ vary: "Origin" });
  });

  it("are all answered with *, and never with credentials", async () => {
    const open = await app({ allowOrigins: ["*"] });
    for (const init of [posted({ Origin: PAGE }), preflight(PAGE), posted({ "Sec-Fetch-Site": "cross-site" })]) {
      const response = await open.request(PATH, init);
      expect(response.ok).toBe(true);
      expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    }
    expect((await open.request(PATH, posted({ Origin: PAGE }))).headers.get("access-control-allow-origin")).toBe("*");
  });

  it.each([
    ["example.org"],
    ["https://example.org/path"],
    ["https://"],
    ["https://a b"],
    ["https://*.example.org/x"],
    [""],
  ])("%j is no origin", (text) => expect(() => readOrigins([text])).toThrow(UsageError));

  it("origins are what browsers send, however they are written", () => {
    expect(readOrigins(["HTTPS://Example.org:443/", "http://127.0.0.1:80", "chrome-extension://AbC"])).toEqual([
      "https://example.org",
      "http://127.0.0.1",
      "chrome-extension://abc",
    ]);
  });
});

describe("names that it is asked under", () => {
  it.each([
    ["127.0.0.1:8501", true],
    ["[::1]:8501", true],
    ["[fe80::1]", true],
    ["192.168.1.7", true],
    ["localhost", true],
    ["LOCALHOST:1", true],
    ["digits.localhost:8501", true],
    ["ductus:8501", true],
    ["digits.example.org:443", true],
    ["digits.example.org.", true],
    ["a.b.inside.example", true],
    ["inside.example", true],
    ["evil.example", false],
    ["example.org", false],
    ["evil-inside.example", false],
    ["127.0.0.1.evil.example", false],
    ["localhost.evil.example:8501", false],
    ["127.0.0.1@evil.example", false],
    ["[::1].evil.example", false],
    ["1.2.3.4.5", false],
    ["", false],
  ])("%j: %j", async (host, isOwn) => {
    const own = await app({ allowedHosts: ["Digits.example.org", ".inside.example"] });
    const response = await own.request("/v1/models/numbers", { headers: { Host: host } });
    expect(response.status).toBe(isOwn ? 200 : 421);
    if (!isOwn) expect(((await response.json()) as { error: string }).error).toMatch(/--allowed-hosts$/);
  });

  it("a server of one machine is known under that machine's own names only", async () => {
    const own = await app({ allowedHosts: ["pen"], isLocal: isLoopback("127.0.0.1") });
    const status = async (host: string) =>
      (await own.request("/v1/models/numbers", { headers: { Host: host } })).status;
    for (const host of ["localhost:1", "a.localhost", "127.0.0.1", "[::1]:80", "pen:8501"]) {
      expect([host, await status(host)]).toEqual([host, 200]);
    }
    for (const host of ["ductus:8501", "x"]) expect([host, await status(host)]).toEqual([host, 421]);
    expect(["::1", "localhost", "127.9.0.1"].map(isLoopback)).toEqual([true, true, true]);
    expect(["0.0.0.0", "::", "127.0.0.1.example", "192.168.1.7"].map(isLoopback)).toEqual([false, false, false, false]);
  });

  it("any with *, and what is no name is refused", async () => {
    const open = await app({ allowedHosts: ["*"] });
    expect((await open.request("/v1/models/numbers", { headers: { Host: "evil.example" } })).status).toBe(200);
    for (const text of ["https://a.example", "a.example:80", "", "a b"]) {
      expect(() => hostCheck([text])).toThrow(UsageError);
    }
  });
});

it.each([["image/png"], ["multipart/form-data; boundary=b"], ["text/html"], ["application/jsonp"]])(
  "a body of JSON that is called %s is refused",
  async (type) => {
    const own = await app({});
    for (const path of [PATH, "/v2/models/numbers/infer"]) {
      const response = await own.request(path, posted({ "Content-Type": type }));
      expect([path, response.status]).toEqual([path, 415]);
    }
    expect((await own.request(PATH, { ...json({ instances: [[1, 2, 3]] }) })).status).toBe(200);
    expect((await own.request(PATH, posted({ "Content-Type": "application/vnd.a+json;charset=utf-8" }))).status).toBe(
      200,
    );
  },
);

describe.skipIf(chromiumPath === undefined)("a page in Chromium on another port", () => {
  it("reads answers where it is allowed, and else neither reads nor starts anything", async () => {
    const site = await serveFiles(new Map([["a.js", ""]]));
    const browser = await openBrowser();
    const page = await browser.newPage();
    await page.goto(site.address);
    const ask = async (allowOrigins: readonly string[]) => {
      const { app, repository, events } = await serve(() => versions, { allowOrigins });
      const server = await listen(app.fetch, { host: "127.0.0.1", port: 0, timeout: 5000 });
      const send = (init: object) =>
        page.evaluate(`fetch("${server.url}${PATH}", ${JSON.stringify({ method: "POST", body: QUESTION, ...init })})
          .then((response) => response.type === "opaque" ? "opaque" : response.json(), () => "failed")`);
      const answer = await send({ headers: { "Content-Type": "application/json" } });
      // What a form could send, too: it arrives without a question beforehand.
      expect(await send({ mode: "no-cors" })).toBe("opaque");
      await server.stop(100);
      await repository.close();
      const statuses = events.flatMap(({ method, status }) => (method === "POST" ? [status] : []));
      return [answer, statuses];
    };
    const read = { predictions: [[expect.any(Number), expect.any(Number)]] };
    expect(await ask([new URL(site.address).origin])).toEqual([read, [200, 200]]);
    expect(await ask(["*"])).toEqual([read, [200, 200]]);
    expect(await ask([])).toEqual(["failed", [403]]);
    expect(await ask(["https://other.example"])).toEqual(["failed", [403]]);
    await browser.close();
    await site.close();
  }, 60_000);
});
