/**
 * What the processor allows one thread of WebAssembly, measured in the same run: multiply-adds that touch nothing but
 * registers, and a copy of memory far larger than the caches.
 */
import { addI, i32, load, ModuleBuilder, mulI, v } from "../../dist/engine/backends/wasm/assembler.js";
import { isa } from "../../dist/engine/backends/wasm/math.js";
import { MAXIMUM_PAGES } from "../../dist/engine/backends/wasm/memory.js";
import { relaxedSimdWorks } from "../../dist/engine/backends/wasm/support.js";
import { stepsPerSecond } from "./timing.mjs";

/** Enough independent sums to keep the multipliers busy, few enough for 16 registers. */
const ACCUMULATORS = 12;
const UNROLL = 8;
const TURNS = 20_000;
const LANES = 4;
const COPY_BYTES = 64 * 2 ** 20;

/** A step and what it does in it. */
export function multiplyAdds(relaxed) {
  const step = assemble((f) => {
    const { madd } = isa(relaxed);
    const [x, y] = [f.let(load(i32(0))), f.let(load(i32(16)))];
    const totals = Array.from({ length: ACCUMULATORS }, (_, n) => f.let(load(i32(32 + n * 16))));
    f.for(0, TURNS, 1, () => {
      for (let turn = 0; turn < UNROLL; turn++) for (const total of totals) f.set(total, madd(x, y, total));
    });
    f.store(i32(0), totals.reduce(v.add));
  }, 1);
  return { step, flops: TURNS * UNROLL * ACCUMULATORS * LANES * 2 };
}

/** Reads and writes as many bytes as it says. */
export function copying() {
  const step = assemble(
    (f) => {
      f.for(0, COPY_BYTES / 2 ** 20, 1, (i) => {
        const from = f.let(mulI(i, 2 ** 20));
        f.copy(addI(from, COPY_BYTES), from, i32(2 ** 20));
      });
    },
    (2 * COPY_BYTES) / 65536,
  );
  return { step, bytes: 2 * COPY_BYTES };
}

/** Both ceilings in 10⁹ a second, the best of some measurements: whatever disturbs one makes it lower. */
export async function measureCeilings({ strict, seconds, rounds = 3 }) {
  const flops = multiplyAdds(!strict && relaxedSimdWorks());
  const bytes = copying();
  const best = { flops: 0, bytes: 0 };
  for (let turn = 0; turn < rounds; turn++) {
    best.flops = Math.max(best.flops, ((await stepsPerSecond(flops.step, seconds)) * flops.flops) / 1e9);
    best.bytes = Math.max(best.bytes, ((await stepsPerSecond(bytes.step, seconds)) * bytes.bytes) / 1e9);
  }
  return best;
}

/** A function without arguments over memory of its own. */
function assemble(body, pages) {
  const module = new ModuleBuilder();
  const f = module.func("loop", 0);
  body(f);
  module.export(f);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: MAXIMUM_PAGES, shared: true });
  return new WebAssembly.Instance(new WebAssembly.Module(module.encode(MAXIMUM_PAGES)), { env: { memory } }).exports
    .loop;
}
