/** Projects of the studio as files: names of folders that every system takes, and project.json. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatProject, PROJECT_FILE, parseProject, projectFolders } from "../../src/data/formats/project.ts";
import { listPictureFolder } from "../../src/platform/node/folder-layout.ts";

describe("folders of a project", () => {
  it("have names of their own that are no paths, whatever classes are called", () => {
    const odd = fc.constantFrom("..", ".", "/", "a/b", "\\", "con", "CON.txt", "Thumbs.db", "A", "a", "%", "x ", ".x");
    const classes = fc.uniqueArray(fc.oneof(odd, fc.string({ minLength: 1, unit: "binary" })));
    fc.assert(
      fc.property(classes, (names) => {
        const folders = [...projectFolders(names).values()];
        expect(folders).toHaveLength(names.length);
        expect(new Set(folders.map((folder) => folder.toLowerCase())).size).toBe(names.length);
        for (const folder of folders) {
          expect(folder).not.toMatch(/[/\\:*?"<>|\p{Cc}]|^\.|[. ]$|^$|^con(\.|$)|^thumbs\.db$/iu);
        }
      }),
    );
  });

  it("are called as the classes where that will do", () => {
    expect([...projectFolders(["Δ", "A", "a", "永", "tick mark", "."])].map(([, folder]) => folder)).toEqual([
      "Δ",
      "A",
      "a~2",
      "永",
      "tick mark",
      "%2E",
    ]);
  });

  it("are told in project.json, which is read with distrust", () => {
    const project = { name: "Signs", classes: [{ name: "a/b", folder: "a%2Fb" }] };
    expect(parseProject(formatProject(project))).toEqual(project);
    expect(parseProject("{")).toBeUndefined();
    expect(parseProject('{"classes":[]}')).toBeUndefined();
    const odd = { format: "ductus-project", name: 7, classes: [{ name: "A" }, null, { name: "B", folder: "b" }] };
    expect(parseProject(JSON.stringify(odd))).toEqual({ name: undefined, classes: [{ name: "B", folder: "b" }] });
  });
});

describe("a project as training data", () => {
  let folder: string;
  const classes = ["a/b", "A", "a"];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ductus-project-"));
    const folders = projectFolders(classes);
    const named = Array.from(folders, ([name, own]) => ({ name, folder: own }));
    await writeFile(join(folder, PROJECT_FILE), formatProject({ name: "signs", classes: named }));
    for (const own of folders.values()) {
      await mkdir(join(folder, own));
      await writeFile(join(folder, own, "0001.png"), "");
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("has its classes by their names, and nothing to remark", async () => {
    const { parts, notes } = await listPictureFolder(folder);
    const [[split, list]] = parts;
    expect(split).toBe("train");
    expect([...list.classes].sort()).toEqual([...classes].sort());
    expect(list.classes[list.labels[list.paths.findIndex((path) => path.includes("a%2Fb"))]]).toBe("a/b");
    expect(notes).toEqual([]);
  });
});
