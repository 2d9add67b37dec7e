/**
 * What `ductus serve` is compared with: ONNX Runtime's package for Node behind the same HTTP library. It takes the same
 * request (an Open Inference header and bytes) and leaves out all else: it checks nothing, logs nothing, limits nothing.
 * Arguments: folder of the package, ONNX file, threads of a run.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";

const [folder, file, threads] = process.argv.slice(2);
const { InferenceSession, Tensor } = createRequire(join(folder, "package.json"))("onnxruntime-node");
const session = await InferenceSession.create(file, { intraOpNumThreads: Number(threads) });
const app = new Hono();
app.post("/*", async (c) => {
  const length = Number(c.req.header("Inference-Header-Content-Length"));
  const body = await c.req.arrayBuffer();
  const { inputs } = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 0, length)));
  const input = new Tensor("uint8", new Uint8Array(body, length), inputs[0].shape);
  const { logits } = await session.run({ input });
  const { data } = logits;
  return c.body(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
});
const server = createAdaptorServer({ fetch: app.fetch });
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })}\n`);
});
