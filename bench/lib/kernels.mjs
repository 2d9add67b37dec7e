/** The run of bench/kernels.mjs: ceilings and kernels in interleaved rounds, and the table of them. */
import { relaxedSimdWorks } from "../../dist/engine/backends/wasm/support.js";
import { nodeWasmBackend } from "../../dist/platform/node/threads.js";
import { copying, multiplyAdds } from "./ceiling.mjs";
import { KERNEL_CASES } from "./kernel-cases.mjs";
import { describeMachine, machine } from "./machine.mjs";
import { figure, table } from "./table.mjs";
import { stepsPerSecond } from "./timing.mjs";

/** Before each kernel's first measurement: V8 replaces its quick translation meanwhile. */
const WARM_UP = 0.1;

export async function benchmarkKernels({ only, seconds, rounds, strict }) {
  const backend = nodeWasmBackend({ threads: 1, strict });
  const start = { ...machine(), backend: backend.description };
  const fused = !strict && relaxedSimdWorks();
  const ceilings = {
    flops: subject("multiply-adds in registers", multiplyAdds(fused)),
    bytes: subject("copy of 64 MiB", copying()),
  };
  const kernels = [];
  for (const { name, graph, flops, bytes } of KERNEL_CASES.filter((one) => one.name.includes(only))) {
    const program = await backend.compile(graph);
    fill(program.inputs);
    kernels.push({ ...subject(name, { step: () => program.run(), flops, bytes }), program });
  }
  for (const { step } of [...Object.values(ceilings), ...kernels]) await stepsPerSecond(step, WARM_UP);
  for (let round = 0; round < rounds; round++) {
    for (const one of [ceilings.flops, ceilings.bytes, ...kernels]) {
      one.rates.push((await stepsPerSecond(one.step, seconds)) * one.amount);
    }
  }
  for (const { program } of kernels) program.dispose();
  await backend.close();
  const plain = ({ name, unit, rates }) => ({ name, unit, rates });
  return {
    machine: start,
    ceilings: { flops: plain(ceilings.flops), bytes: plain(ceilings.bytes) },
    kernels: kernels.map(plain),
  };
}

/** Something measured in `unit` of which a step does `amount`; rates come as multiples of 10⁹ a second. */
function subject(name, { step, flops, bytes }) {
  const unit = flops === undefined ? "bytes" : "flops";
  return { name, unit, step, amount: (flops ?? bytes) / 1e9, rates: [] };
}

/** Numbers of ordinary size: zeros would be kind to some kernels and subnormals unkind to all. */
function fill(inputs) {
  for (const values of Object.values(inputs))
    for (let i = 0; i < values.length; i++) values[i] = ((i * 7) % 13) / 13 + 0.1;
}

/** Whatever disturbs a kernel slows it down, so the best round is the nearest to the truth. */
const best = ({ rates }) => Math.max(...rates);

const HEADS = {
  flops: { unit: "GFLOP/s", title: "kernels that compute" },
  bytes: { unit: "GB/s", title: "kernels that walk through memory (operands that fit into a cache may beat the copy)" },
};

export function printKernels({ machine: where, ceilings, kernels }) {
  console.log(describeMachine(where));
  console.log(`ductus ${where.ductus}: ${where.backend}`);
  for (const [unit, { unit: heading, title }] of Object.entries(HEADS)) {
    const ofUnit = kernels.filter((kernel) => kernel.unit === unit);
    if (ofUnit.length === 0) continue;
    const ceiling = best(ceilings[unit]);
    const row = (kernel) => [kernel.name, figure(best(kernel)), `${Math.round((100 * best(kernel)) / ceiling)} %`];
    console.log(`\n${title}\n${table([["kernel", heading, "of ceiling"], row(ceilings[unit]), ...ofUnit.map(row)])}`);
  }
}
