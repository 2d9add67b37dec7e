/**
 * A backend as one that computes on another device would be: runs are only ordered when they are called for, and done when
 * somebody asks for results; parameters live elsewhere, and the `data` of those that a run
 * changed are no numbers until they are pulled. What trains
 * and measures must not notice.
 */
import type { AnyParameter, Backend, ImmediateBackend, Program } from "../../src/engine/backends/backend.ts";
import type { TypedArray } from "../../src/engine/dtype.ts";
import { graphParameters, writesOf } from "../../src/engine/trace.ts";

/** The values of a parameter, and the array that shows them when they are pulled. */
interface Kept {
  readonly values: TypedArray;
  readonly shown: TypedArray;
}

/** @param inner computes; nothing else may use it */
export function elsewhere(inner: ImmediateBackend): Backend {
  const queue: (() => void)[] = [];
  const values = new Map<AnyParameter, Kept>();

  const take = (parameter: AnyParameter): void => {
    values.set(parameter, { values: parameter.data.slice(), shown: parameter.data });
  };
  const hide = (parameter: AnyParameter): void => {
    parameter.data.fill(parameter.data instanceof Float32Array ? Number.NaN : -1);
  };
  const catchUp = async (): Promise<void> => {
    await Promise.resolve();
    for (const run of queue.splice(0)) run();
  };

  return {
    name: "elsewhere",
    description: inner.description,
    compile: async (graph): Promise<Program> => {
      const parameters = graphParameters(graph);
      for (const parameter of parameters) if (!values.has(parameter)) take(parameter);
      const program = await inner.compile(graph);
      const inputs = Object.fromEntries(
        Object.entries(program.inputs).map(([name, array]) => [name, array.slice()] as const),
      );
      for (const parameter of parameters) {
        const known = values.get(parameter) as Kept;
        values.set(parameter, { ...known, shown: parameter.data });
      }
      return {
        inputs,
        memory: program.memory,
        run: () => {
          const fed = Object.entries(inputs).map(([name, array]) => [name, array.slice()] as const);
          for (const parameter of parameters) {
            const known = values.get(parameter);
            // Another array, with other values
            if (parameter.data !== known?.shown) take(parameter);
          }
          queue.push(() => {
            for (const [name, array] of fed) program.inputs[name].set(array);
            for (const parameter of parameters) {
              parameter.data.set((values.get(parameter) as Kept).values);
            }
            inner.push(parameters);
            program.run();
            for (const parameter of parameters) take(parameter);
            for (const { target } of writesOf(graph)) hide(target);
          });
        },
        ready: catchUp,
        read: async (...names) => {
          await catchUp();
          const all = Object.entries(program.outputs).map(([name, array]) => [name, array.slice()] as const);
          return Object.fromEntries(all.filter(([name]) => names.length === 0 || names.includes(name)));
        },
        dispose: () => void catchUp().then(() => program.dispose()),
      };
    },
    pull: async (parameters) => {
      await catchUp();
      for (const parameter of parameters) {
        const known = values.get(parameter);
        if (known !== undefined) parameter.data.set(known.values);
      }
    },
    push: (parameters) => {
      const written = [...parameters].map((parameter) => [parameter, parameter.data.slice()] as const);
      queue.push(() => {
        for (const [parameter, data] of written) values.set(parameter, { values: data, shown: parameter.data });
      });
    },
    close: () => inner.close(),
  };
}
