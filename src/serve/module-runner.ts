/**
 * Runs an exported module, one sample after the other, on the thread that calls. It needs neither the engine nor to compile
 * anything when the module is compiled already, as edge workers import it.
 */

import type { Arrays } from "../data/port.ts";
import { openNetwork, type StandaloneNetwork } from "../export/standalone/recognizer.ts";
import { preprocessedShape } from "../picture/preprocessing.ts";
import { Classify } from "../task/classify/classify.ts";
import { NumbersInput } from "../task/input.ts";
import type { Samples } from "./batch.ts";
import type { BatchRunner } from "./batcher.ts";
import type { Signature } from "./served-model.ts";

export class ModuleRunner implements BatchRunner {
  readonly slots = 1;
  readonly signature: Signature;
  readonly #network: StandaloneNetwork;

  private constructor(network: StandaloneNetwork) {
    const { labels, inputType: dtype, preprocessing, temperature, novelty } = network;
    const input = new NumbersInput({
      shape: preprocessedShape(preprocessing),
      dtype,
      preprocessing: { ...preprocessing },
    });
    this.signature = { task: new Classify(input, labels, novelty).record(), temperature };
    this.#network = network;
  }

  /** @throws DataError when the module is damaged, or was not exported by Ductus */
  static async open(source: Uint8Array | WebAssembly.Module): Promise<ModuleRunner> {
    return new ModuleRunner(await openNetwork(source));
  }

  async run({ count, arrays: { x } }: Samples): Promise<Arrays> {
    const { input, output, run } = this.#network;
    const logits = new Float32Array(count * output.length);
    for (let i = 0; i < count; i++) {
      input.set(x.subarray(i * input.length, (i + 1) * input.length));
      run();
      logits.set(output, i * output.length);
    }
    return { logits };
  }

  async close(): Promise<void> {}
}
