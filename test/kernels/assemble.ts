/** Little modules for tests: a function is assembled, instantiated over memory of its own, and called. */
import { type Func, type I32, i32, ModuleBuilder } from "../../src/engine/backends/wasm/assembler.ts";
import { nodeWasmBackend } from "../../src/platform/node/threads.ts";

/** Pages of the memory that assembled functions see. */
const PAGES = 64;

export interface Assembled {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Instantiates the module and calls its function. @returns the memory, as it is afterwards */
  run(prepare?: (memory: ArrayBufferLike) => void, ...args: readonly number[]): ArrayBufferLike;
}

/** A module with one exported function of so many i32 parameters. */
export function assemble(body: (f: Func) => void, paramCount = 0): Assembled {
  const module = new ModuleBuilder();
  const f = module.func("f", paramCount);
  body(f);
  module.export(f);
  const bytes = module.encode({ shared: true, maximum: PAGES });
  return {
    bytes,
    run: (prepare, ...args) => {
      const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
      prepare?.(memory.buffer);
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
      (exports.f as (...args: readonly number[]) => void)(...args);
      return memory.buffer;
    },
  };
}

/** The values of i32 expressions. */
export function evaluateI32(expressions: readonly I32[]): number[] {
  const { run } = assemble((f) => {
    expressions.forEach((expression, n) => {
      f.storeI32(i32(0), expression, n * 4);
    });
  });
  return [...new Int32Array(run(), 0, expressions.length)];
}

/** Turns relaxed SIMD on where Node hides it, as a backend does; call it before the first module is compiled. */
export async function enableRelaxedSimd(): Promise<void> {
  await nodeWasmBackend({ threads: 1 }).close();
}
