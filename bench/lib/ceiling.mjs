/**
 * What the processor allows one thread of WebAssembly, measured in the same run: multiply-adds that touch nothing but
 * registers, and a copy of memory far larger than the caches.
 */
import { addI, i32, load, ModuleBuilder, mulI } from "../../dist/engine/backends/wasm/assembler.js";
import { targetOf } from "../../dist/engine/backends/wasm/kernels/kernel.js";
import { isa } from "../../dist/engine/backends/wasm/math.js";
import { relaxedSimdWorks } from "../../dist/engine/backends/wasm/support.js";
import { schedulingHere } from "../../dist/platform/node/threads.js";
import { stepsPerSecond } from "./timing.mjs";

/** Enough independent sums to keep the multipliers busy, few enough for 16 registers. */
const REGISTERS = 12;
const UNROLL = 8;
const TURNS = 20_000;
const LANES = 4;
const COPY_BYTES = 64 * 2 ** 20;
const WARM_UP = 0.1;

/** A step, and how many additions and multiplications it makes: as wide as the engine joins vectors. */
function multiplyAdds({ isa: { madd }, joined }) {
  const sums = REGISTERS * joined;
  const step = assemble((f) => {
    const [x, y] = [f.let(load(i32(0))), f.let(load(i32(16)))];
    const totals = Array.from({ length: sums }, (_, n) => f.let(load(i32(32), n * 16)));
    f.for(0, TURNS, 1, () => {
      for (let turn = 0; turn < UNROLL; turn++) for (const total of totals) f.set(total, madd(x, y, total));
    });
    f.together(() => {
      totals.forEach((total, n) => {
        f.store(i32(32), total, n * 16);
      });
    });
  }, 1);
  return { step, amount: TURNS * UNROLL * sums * LANES * 2 };
}

/** A step, and how many bytes it reads and writes. */
function copying() {
  const step = assemble(
    (f) => {
      f.for(0, COPY_BYTES / 2 ** 20, 1, (i) => {
        const from = f.let(mulI(i, 2 ** 20));
        f.copy(addI(from, COPY_BYTES), from, i32(2 ** 20));
      });
    },
    (2 * COPY_BYTES) / 65536,
  );
  return { step, amount: 2 * COPY_BYTES };
}

/**
 * Prepares both measurements.
 * @returns (seconds, rounds) → { flops, bytes } in 10⁹ a second, the best of some rounds: whatever disturbs one makes it lower
 */
export async function openCeilings(strict) {
  const target = targetOf(isa(!strict && relaxedSimdWorks()), schedulingHere(strict));
  const subjects = { flops: multiplyAdds(target), bytes: copying() };
  // The first copy faults its pages in.
  for (const { step } of Object.values(subjects)) await stepsPerSecond(step, WARM_UP);
  return async (seconds, rounds = 1) => {
    const best = { flops: 0, bytes: 0 };
    for (let turn = 0; turn < rounds; turn++) {
      for (const [unit, { step, amount }] of Object.entries(subjects)) {
        best[unit] = Math.max(best[unit], ((await stepsPerSecond(step, seconds)) * amount) / 1e9);
      }
    }
    return best;
  };
}

/** A function without arguments over memory of its own. */
function assemble(body, pages) {
  const module = new ModuleBuilder();
  const f = module.func("loop", 0);
  body(f);
  module.export(f);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const bytes = module.encode({ shared: true, maximum: pages });
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports.loop;
}
