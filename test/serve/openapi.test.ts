/** The description of the server is valid, and describes what is there; the page to try it does not trust names. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, expect, it } from "vitest";
import { digits, post, type Served, serve, stored } from "./fixtures.ts";

const NAME = '<b>"digits"&';
const MODELS = new Map([[NAME, [await stored("7", digits())]]]);
let served: Served;

beforeAll(async () => {
  served = await serve(() => MODELS);
});
afterAll(() => served.repository.close());

type Paths = Readonly<Record<string, Readonly<Record<string, object>>>>;

it("is valid by the published schema of OpenAPI", async () => {
  const document = await (await served.app.request("/openapi.json")).json();
  const result = await new Validator().validate(document);
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
});

it("describes addresses that are there, with the methods that they take", async () => {
  const { paths } = (await (await served.app.request("/openapi.json")).json()) as { paths: Paths };
  for (const [path, operations] of Object.entries(paths)) {
    const address = path.replace("{model}", encodeURIComponent(NAME)).replace("{version}", "7");
    for (const method of ["get", "post"]) {
      const { status } = await served.app.request(address, method === "get" ? {} : post("{}"));
      if (method in operations) expect([200, 400, 415], `${method} ${path}`).toContain(status);
      else expect([404, 405], `${method} ${path}`).toContain(status);
    }
  }
});

it("comes with a page that shows the models' names as text, and to nobody without the key", async () => {
  const page = await (await served.app.request("/")).text();
  expect(await (await served.app.request("/models")).json()).toMatchObject({
    models: [{ name: NAME, version: "7", architecture: "separable", input: { shape: [28, 28, 1], range: [0, 255] } }],
  });
  expect(page).toContain("<option>&lt;b&gt;&quot;digits&quot;&amp;</option>");
  const guarded = await serve(() => MODELS, { apiKey: "secret" });
  const response = await guarded.app.request("/");
  expect(response.status).toBe(200);
  expect(await response.text()).not.toContain("digits");
  expect((await guarded.app.request("/openapi.json")).status).toBe(401);
  expect((await guarded.app.request("/models")).status).toBe(401);
  await guarded.repository.close();
});
