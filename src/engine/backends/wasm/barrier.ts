/** Where the threads of a module meet: a function that each of them calls, on words at the start of the shared memory (threads.ts). */
import {
  atomicAdd,
  atomicLoad,
  atomicNotify,
  atomicWait,
  eqI,
  type Func,
  i32,
  type Local,
  type ModuleBuilder,
  neI,
  subI,
} from "./assembler.ts";
import { CONTROL } from "./threads.ts";

/** How often a thread looks before it sleeps: about a hundred microseconds, twice what waking a sleeper takes. */
export const SPINS = 100_000;

/**
 * `barrier(threads)`: returns when all threads have called it. The last to come starts the next generation; the others
 * spin on the generation, then sleep. Nobody is woken when nobody sleeps: waking costs more than the whole barrier.
 */
export function emitBarrier(module: ModuleBuilder): Func {
  const f = module.func("barrier", 1);
  const [threads] = f.params;
  const count = i32(CONTROL.barrierCount * 4);
  const generation = i32(CONTROL.barrierGeneration * 4);
  const sleepers = i32(CONTROL.barrierSleepers * 4);
  f.if(eqI(threads, 1), () => f.return());
  const mine: Local<"i32"> = f.let(atomicLoad(generation));
  const last = eqI(atomicAdd(count, i32(1)), subI(threads, 1));
  f.if(
    last,
    () => {
      f.atomicStore(count, i32(0));
      f.drop(atomicAdd(generation, i32(1)));
      f.if(atomicLoad(sleepers), () => f.drop(atomicNotify(generation, threads)));
    },
    () => {
      f.for(0, SPINS, 1, () => f.if(neI(atomicLoad(generation), mine), () => f.return()));
      // Counted before the look that decides about sleeping, so that the last thread cannot miss a sleeper.
      f.drop(atomicAdd(sleepers, i32(1)));
      f.doWhile(
        () => f.drop(atomicWait(generation, mine)),
        () => eqI(atomicLoad(generation), mine),
      );
      f.drop(atomicAdd(sleepers, i32(-1)));
    },
  );
  return f;
}
