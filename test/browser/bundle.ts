/** Bundles code for a web page as a user's bundler does. */
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { type OutputChunk, rolldown } from "rolldown";

const root = resolve(import.meta.dirname, "../..");

export interface Bundle {
  /** Code by file name; the first is the entry. */
  readonly files: ReadonlyMap<string, string>;
  /**
   * Bytes, minified and compressed, of what the page loads at once, and of that and all that it may ask for later, without
   * modules that `never` matches and what they alone load.
   */
  readonly first: number;
  readonly asked: number;
  /** Modules of Node that the code would need. */
  readonly ofNode: readonly string[];
}

/**
 * @param code of the entry; imports are resolved as from the root of the repository
 * @param whole readable, and with what nothing uses: the package says of its modules that importing alone does nothing
 * @param never modules that the page in question does not ask for
 * @param instead files of the repository to take in place of others, or of packages
 */
export async function bundle(
  code: string,
  { whole = false, never = /(?!)/, instead = {} as Readonly<Record<string, string>> } = {},
): Promise<Bundle> {
  const entry = resolve(root, "entry.js");
  const ofNode: string[] = [];
  const build = await rolldown({
    input: entry,
    platform: "browser",
    treeshake: !whole,
    plugins: [
      {
        name: "entry",
        resolveId: (id) => {
          if (id === entry) return entry;
          const replaced = Object.keys(instead).find((each) => id.endsWith(each));
          if (replaced !== undefined) return resolve(root, instead[replaced]);
          if (!id.startsWith("node:")) return undefined;
          ofNode.push(id);
          return { id, external: true };
        },
        load: (id) => (id === entry ? code : undefined),
      },
    ],
  });
  const { output } = await build.generate({ format: "esm", minify: !whole });
  const chunks = new Map(
    output.filter((part): part is OutputChunk => part.type === "chunk").map((c) => [c.fileName, c]),
  );
  const [main] = [...chunks.values()].filter(({ isEntry }) => isEntry);
  /** The chunks that are loaded with the entry, when of each also those are loaded that `later` gives. */
  const reached = (later: (chunk: OutputChunk) => readonly string[]): Set<string> => {
    const found = new Set<string>();
    const follow = (file: string): void => {
      const chunk = chunks.get(file);
      if (chunk === undefined || found.has(file)) return;
      found.add(file);
      for (const each of [...chunk.imports, ...later(chunk)]) follow(each);
    };
    follow(main.fileName);
    return found;
  };
  const isAsked = (file: string): boolean => {
    const { facadeModuleId, moduleIds = [] } = chunks.get(file) ?? {};
    return ![facadeModuleId ?? file, ...moduleIds].some((id) => never.test(id));
  };
  const size = (files: Iterable<string>): number =>
    [...files].reduce((sum, file) => sum + gzipSync(chunks.get(file)?.code ?? "", { level: 9 }).length, 0);
  return {
    files: new Map([main, ...chunks.values()].map(({ fileName, code }) => [fileName, code])),
    first: size(reached(() => [])),
    asked: size(reached(({ dynamicImports }) => dynamicImports.filter(isAsked))),
    ofNode,
  };
}
