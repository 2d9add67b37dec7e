/** One backend for several programs that come and go while others run, as a training run with checkpoints has it. */
import { expect, it } from "vitest";
import { trace } from "../../src/engine/trace.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";

it("loses no run while threads take the messages of another program's end", async () => {
  const backend = await nodePlatform.createBackend({ threads: 3 });
  const twice = trace((tracer) => ({ y: tracer.input("x", [64, 64], "float32", true).mul(2) }));
  try {
    const kept = await backend.compile(twice);
    for (let round = 0; round < 200; round++) {
      const other = await backend.compile(twice);
      other.run();
      other.dispose();
      // By now the messages are on their way, but not yet answered.
      for (let turn = 0; turn < round % 8; turn++) await Promise.resolve();
      kept.inputs.x.fill(round);
      for (let again = 0; again < 3; again++) kept.run();
      expect(kept.outputs.y[4095]).toBe(2 * round);
    }
  } finally {
    await backend.close();
  }
});
