/** Threads that read bodies: the same as here, and what kills one takes nothing else along. */
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { intakeOf } from "../../src/serve/inputs.ts";
import type { Intake } from "../../src/serve/intake.ts";
import type { ReaderPool as Pool } from "../../src/serve/node/reader-pool.ts";
import { runTask } from "../../src/serve/reading.ts";
import { RequestError } from "../../src/serve/request-error.ts";
import { ensureBuilt } from "../cli/run-cli.ts";
import { digits } from "./fixtures.ts";

let ReaderPool: typeof Pool;
let pool: Pool;
beforeAll(async () => {
  ensureBuilt();
  const built: string = "../../dist/serve/node/reader-pool.js";
  ({ ReaderPool } = (await import(built)) as { ReaderPool: typeof Pool });
  pool = new ReaderPool({ threads: 2, timeout: 20_000, heap: 64 });
}, 60_000);
afterAll(() => pool.close());

const intake: Intake = intakeOf("m", digits().task, 100);
const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
const rows = (body: string) => ({ intake, body: text(body), verb: "predict" as const });

it("reads what the calling thread would, and says the same of what is wrong", async () => {
  const stroke =
    '<svg width="90" height="60"><rect width="90" height="60" fill="white"/><path d="M30 9 L55 50" stroke="black" stroke-width="7"/></svg>';
  const file = new Uint8Array(await sharp(Buffer.from(stroke)).png().toBuffer());
  const picture = { intake, body: file, pixels: 5400, maxPixels: 9999 };
  expect(await pool.run("picture", { ...picture, body: file.slice() })).toEqual(await runTask("picture", picture));
  const good = JSON.stringify({ instances: [Array(784).fill(7), { b64: Buffer.from("abc").toString("base64") }] });
  expect(await pool.run("rows", rows(good))).toEqual(await runTask("rows", rows(good)));
  await expect(pool.run("rows", rows('{"instances":[[1]]}'))).rejects.toMatchObject({ status: 400 });
  await expect(pool.run("picture", { ...picture, body: text("no picture") })).rejects.toMatchObject({ status: 400 });
});

it("refuses what takes more memory than there is, and goes on", { timeout: 30_000 }, async () => {
  // Under what is counted before, and a little over what these threads have: far over it, Node 20 may end the whole process while it
  // ends the thread, which is why serve/body.ts counts before.
  const heavy = () => pool.run("rows", rows(`{"a":[${"{},".repeat(1_400_000)}{}],"instances":[]}`));
  const good = () => pool.run("rows", rows(JSON.stringify({ instances: [Array(784).fill(7)] })));
  const [first, second, third] = await Promise.allSettled([heavy(), good(), heavy()]);
  expect([first, second.status, third]).toMatchObject([
    { reason: { status: 413 } },
    "fulfilled",
    { reason: { status: 413 } },
  ]);
  expect((await good()).count).toBe(1);
});

it("ends what does not end", async () => {
  const hasty = new ReaderPool({ threads: 1, timeout: 1 });
  const body = `{"instances":[${"[".repeat(9)}${"1,".repeat(500_000)}1${"]".repeat(9)}]}`;
  await expect(hasty.run("rows", rows(body))).rejects.toMatchObject({ status: 503 });
  await hasty.close();
});

it("does not begin what nobody waits for any more", async () => {
  const single = new ReaderPool({ threads: 1, timeout: 20_000 });
  const patience = { aborted: false, reason: new RequestError(504, "no answer within 1 ms") };
  const good = () => rows(JSON.stringify({ instances: [Array(784).fill(7)] }));
  const [first, late, next] = [
    single.run("rows", good()),
    single.run("rows", good(), patience),
    single.run("rows", good()),
  ];
  patience.aborted = true;
  await expect(late).rejects.toMatchObject({ status: 504 });
  expect([(await first).count, (await next).count]).toEqual([1, 1]);
  await single.close();
});
