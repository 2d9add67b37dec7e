/**
 * Licenses of what the studio bundles, as a file beside it: each package whose code stands in one of the built scripts, or
 * whose data is copied, with the text of its license. Part of the build (vite.config.ts).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

interface Manifest {
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  readonly license?: string | undefined;
}

interface Package extends Manifest {
  readonly folder: string;
}

const LICENSE_FILE = /^(licen[cs]e|copying|notice)([.-].*)?$/i;
const FILE_NAME = "licenses.txt";

/**
 * Plugins for the page and for its workers, whose scripts are bundled apart, before the page's own is written.
 * @param data files of packages whose data is copied
 */
export function licenses(data: readonly string[]): { readonly page: Plugin; readonly worker: Plugin } {
  const packages = new Map<string, Package>();
  const collect = (bundle: Readonly<Record<string, { type: string; moduleIds?: readonly string[] }>>): void => {
    const modules = Object.values(bundle).flatMap(({ moduleIds = [] }) => moduleIds);
    for (const id of [...modules, ...data]) {
      const found = packageOf(id);
      if (found !== undefined && found.folder !== import.meta.dirname) packages.set(found.folder, found);
    }
  };
  const shared = { apply: "build", enforce: "post" } as const;
  return {
    worker: { name: "licenses-of-workers", ...shared, generateBundle: (_, bundle) => collect(bundle) },
    page: {
      name: "licenses",
      ...shared,
      generateBundle(_, bundle) {
        collect(bundle);
        const sorted = [...packages.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
        this.emitFile({
          type: "asset",
          fileName: FILE_NAME,
          source: sorted.map(entryOf).join(`\n${"-".repeat(80)}\n\n`),
        });
      },
    },
  };
}

const nameOf = ({ name = "", version = "" }: Manifest): string => `${name} ${version}`;

/** The package that a module belongs to: the nearest manifest above it with a name. Virtual modules have none. */
function packageOf(id: string): Package | undefined {
  const path = id.replace(/^\0/, "").replace(/\?.*$/, "");
  if (!existsSync(path)) return undefined;
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (!existsSync(file)) continue;
    const manifest = JSON.parse(readFileSync(file, "utf8")) as Manifest;
    if (manifest.name !== undefined && manifest.version !== undefined) return { ...manifest, folder };
  }
  return undefined;
}

/** @throws Error for a package without the text of its license: what may not be passed on must not get in unnoticed */
function entryOf(found: Package): string {
  const files = readdirSync(found.folder).filter((file) => LICENSE_FILE.test(file));
  if (files.length === 0) throw new Error(`${found.name}: there is no license text in ${found.folder}`);
  const texts = files.map((file) => readFileSync(join(found.folder, file), "utf8").replace(/\r\n/g, "\n").trim());
  return `${nameOf(found)} (${found.license ?? "see below"})\n\n${texts.join("\n\n")}\n`;
}
