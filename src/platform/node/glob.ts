/**
 * Patterns such as `scans/*.png` and `pages/**` for those whose shell does not expand them: on Windows, or in quotes. `*` and
 * `?` stand for characters of one name, `**` for any folders. Hidden files are left out, as shells do.
 */
import { join, parse, sep } from "node:path";
import { listFolder, pathKind } from "./files.ts";

/** Whether a path that does not exist may be a pattern. */
export function isPattern(path: string): boolean {
  return /[*?]/.test(path);
}

/** Files that match, in the order of `listFolder`; folders do not count. */
export async function matchingFiles(pattern: string): Promise<string[]> {
  const { root } = parse(pattern);
  const parts = pattern.slice(root.length).split(sep === "\\" ? /[\\/]+/ : /\/+/);
  const found = await matching(root, parts);
  const kinds = await Promise.all(found.map(pathKind));
  return [...new Set(found.filter((_, i) => kinds[i] === "file"))];
}

async function matching(folder: string, [part, ...rest]: readonly string[]): Promise<string[]> {
  if (part === undefined) return [folder];
  if (part === "") return matching(folder, rest);
  if (!isPattern(part)) {
    const path = folder === "" ? part : join(folder, part);
    return (await pathKind(path)) === "nothing" ? [] : matching(path, rest);
  }
  if ((await pathKind(folder || ".")) !== "folder") return [];
  const names = await listFolder(folder || ".");
  const inside = (name: string): string => (folder === "" ? name : join(folder, name));
  if (part === "**") {
    const here = await matching(folder, rest.length > 0 ? rest : ["*"]);
    const below: string[] = [];
    for (const name of names) {
      if ((await pathKind(inside(name))) === "folder") below.push(...(await matching(inside(name), [part, ...rest])));
    }
    return [...here, ...below];
  }
  const expression = new RegExp(`^${part.split("").map(literally).join("")}$`);
  const found: string[] = [];
  for (const name of names) if (expression.test(name)) found.push(...(await matching(inside(name), rest)));
  return found;
}

function literally(character: string): string {
  if (character === "*") return ".*";
  return character === "?" ? "." : character.replace(/[^\w\s-]/, "\\$&");
}
