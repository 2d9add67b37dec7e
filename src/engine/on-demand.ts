/**
 * Tables by name of which a page loads only what it uses. What most networks need stands in the table itself; for what is
 * rarer, such as the ops of sequences, the table says which module has it. A graph names what it needs, and {@link loaded}
 * fetches that: when a graph is read from a file (models/graph-module.ts), lowered (lower/legalize.ts) and compiled
 * (backends/wasm/kernels).
 */

/** An entry that a module of its own has. */
export class Later<T> {
  /** Loads the module, once. */
  readonly load: () => Promise<T>;

  constructor(load: () => Promise<T>) {
    this.load = load;
  }
}

/** The entry that a module exports as `name`: `later(() => import("./rope.ts"), "ropeOp")`. */
export const later = <M, N extends keyof M>(module: () => Promise<M>, name: N): Later<M[N]> =>
  new Later(async () => (await module())[name]);

/**
 * The entries of a table: all that stand in it, and those of `names` that have to be loaded. Names that it does not have are
 * left out.
 */
export async function loaded<T>(
  table: Readonly<Record<string, T | Later<T>>>,
  names: Iterable<string>,
): Promise<ReadonlyMap<string, T>> {
  const wanted = new Set(names);
  const entries = Object.entries(table).map(async ([name, entry]): Promise<[name: string, entry: T][]> => {
    if (!(entry instanceof Later)) return [[name, entry]];
    return wanted.has(name) ? [[name, await entry.load()]] : [];
  });
  return new Map((await Promise.all(entries)).flat());
}
