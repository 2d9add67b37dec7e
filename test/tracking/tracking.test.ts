/** TensorBoard's files, byte by byte as its reader takes them, and what an MLflow server is told, also when it fails. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { mlflowTracker } from "../../src/tracking/mlflow.ts";
import { tensorBoardWriter } from "../../src/tracking/tensorboard.ts";
import type { Callback } from "../../src/train/callbacks.ts";
import { fit as trainModel } from "../../src/train/fit.ts";
import { bars, smallModel } from "../train/synthetic.ts";

beforeAll(() => setPlatform(nodePlatform));

const train = (callback: Callback): ReturnType<typeof trainModel> =>
  trainModel(smallModel(), bars(60), { epochs: 2, batchSize: 10, validation: 0.2, threads: 1, callbacks: [callback] });

/** CRC-32C bit by bit, masked as TFRecord wants it. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

it("event files are whole TFRecords with all that there is to see", async () => {
  expect(maskedCrc(new TextEncoder().encode("123456789"))).toBe(
    (((0xe3069283 >>> 15) | (0xe3069283 << 17)) + 0xa282ead8) >>> 0,
  );
  const folder = await mkdtemp(join(tmpdir(), "ductus-events-"));
  try {
    await train(tensorBoardWriter(folder));
    const [name] = await readdir(folder);
    const bytes = await readFile(join(folder, name));
    const records: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(at));
      expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc(bytes.subarray(at, at + 8)));
      const data = bytes.subarray(at + 12, at + 12 + length);
      expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc(data));
      records.push(data.toString("latin1"));
      at += 16 + length;
    }
    expect(records[0]).toContain("brain.Event:2");
    const tags = [
      "step/loss",
      "epoch/trainingLoss",
      "epoch/validation_accuracy",
      "weights/fc1.weight",
      "training batch",
    ];
    for (const tag of tags)
      expect(
        records.some((record) => record.includes(tag)),
        tag,
      ).toBe(true);
    expect(records.filter((record) => record.includes("epoch/trainingLoss"))).toHaveLength(2);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);

describe("MLflow", () => {
  let server: Server;
  let url: string;
  /** Requests by path, and from which one on the server fails. */
  let asked: { path: string; body: Record<string, unknown> }[] = [];
  let failsAt = Number.POSITIVE_INFINITY;

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const path = (request.url ?? "").replace("/api/2.0/mlflow/", "");
      asked.push({ path, body: JSON.parse((await textOf(request)) || "{}") });
      const fails = asked.length >= failsAt;
      const isUnknown = path.startsWith("experiments/get-by-name");
      response.statusCode = fails ? 500 : isUnknown ? 404 : 200;
      response.end(
        JSON.stringify(
          fails
            ? { error_code: "INTERNAL_ERROR", message: "out of order" }
            : isUnknown
              ? { error_code: "RESOURCE_DOES_NOT_EXIST" }
              : { experiment_id: "7", run: { info: { run_id: "r1" } } },
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  it("hears parameters, every epoch, the test and the end", async () => {
    asked = [];
    failsAt = Number.POSITIVE_INFINITY;
    const problems: string[] = [];
    const parameters = { lr: 0.1, nested: { list: [1, 2] }, absent: undefined };
    const tracker = mlflowTracker({ url: `${url}/`, runName: "mine", parameters, onProblem: (m) => problems.push(m) });
    await train(tracker);
    await tracker.finish({ test_accuracy: 0.5 });
    expect(problems).toEqual([]);
    expect(asked.map(({ path }) => path)).toEqual([
      "experiments/get-by-name?experiment_name=Ductus",
      "experiments/create",
      "runs/create",
      ...new Array(4).fill("runs/log-batch"),
      "runs/update",
    ]);
    expect(asked[2].body).toMatchObject({ experiment_id: "7", run_name: "mine" });
    expect(asked[3].body).toMatchObject({
      run_id: "r1",
      params: [
        { key: "lr", value: "0.1" },
        { key: "nested.list", value: "[1,2]" },
      ],
    });
    const metrics = asked[4].body.metrics as { key: string; step: number }[];
    expect(metrics.map(({ key }) => key)).toEqual(expect.arrayContaining(["trainingLoss", "validation_accuracy"]));
    expect(asked[6].body).toMatchObject({ metrics: [{ key: "test_accuracy", value: 0.5 }] });
    expect(asked[7].body).toMatchObject({ run_id: "r1", status: "FINISHED" });
  }, 60_000);

  it("costs no run when it fails on the way, and is asked no more", async () => {
    asked = [];
    failsAt = 5;
    const problems: string[] = [];
    const tracker = mlflowTracker({ url, runName: "mine", parameters: { a: 1 }, onProblem: (m) => problems.push(m) });
    const run = await train(tracker);
    await tracker.finish({ test_accuracy: 0.5 });
    expect(run.ended).toBe("finished");
    expect(problems).toEqual(["MLflow: runs/log-batch gave 500 out of order; going on without it"]);
    expect(asked).toHaveLength(5);
  }, 60_000);

  it("is refused without an address", () => {
    expect(() => mlflowTracker({ url: "localhost", runName: "", parameters: {}, onProblem: () => {} })).toThrow(
      /"localhost" is no address of an MLflow server; expected http:\/\/HOST:PORT/,
    );
  });
});

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
