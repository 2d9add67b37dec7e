/** Folders of pictures as people and tools lay them out: which part, class and writer each picture is of. Files are only listed. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { listPictureFolder, type PictureLists } from "../../src/platform/node/folder-layout.ts";

let root = "";
let folder = "";
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "ductus-layout-"));
});
beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});
afterAll(() => rm(root, { recursive: true }));

/** Makes empty files, all in each of the folders. */
async function put(folders: readonly string[], names: readonly string[] = ["1.png", "2.png"]): Promise<void> {
  for (const place of folders) {
    for (const name of names) {
      const path = join(folder, place, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, "");
    }
  }
}

/** `0: 0/1.png` and the like, by part. */
function shown({ parts }: PictureLists): Record<string, string[]> {
  return Object.fromEntries(
    parts.map(([split, { classes, labels, paths }]) => [
      split,
      paths.map((path, i) => `${classes[labels[i]]}: ${relative(folder, path).replaceAll("\\", "/")}`),
    ]),
  );
}

describe("parts", () => {
  it.each([
    ["torchvision", ["train", "val"], ["train", "validation"]],
    ["Ultralytics", ["train", "val", "test"], ["train", "validation", "test"]],
    ["fastai", ["train", "valid"], ["train", "validation"]],
    ["fastai's digits", ["training", "testing"], ["train", "test"]],
    ["Keras", ["train", "validation"], ["train", "validation"]],
    ["capitals", ["Test", "TRAIN", "Valid"], ["train", "validation", "test"]],
    ["a test part alone", ["test"], ["test"]],
    ["a training part alone", ["Train"], ["train"]],
    ["Kaggle", ["train_images", "test_images"], ["train", "test"]],
    ["words run together", ["TrainSet", "testset", "val data"], ["train", "validation", "test"]],
    ["the name of the set in front", ["digits-train", "digits-test"], ["train", "test"]],
  ])("%s", async (_, names, splits) => {
    await put(names.flatMap((name) => [`${name}/a`, `${name}/b`]));
    const lists = await listPictureFolder(folder);
    expect(lists.parts.map(([split]) => split)).toEqual(splits);
    for (const [, { paths }] of lists.parts) expect(paths).toHaveLength(4);
    expect(lists.notes).toEqual([]);
  });

  it("inside the folders of the classes", async () => {
    await put(["a/train", "b/train", "b/val", "a/test", "b/test"]);
    const lists = await listPictureFolder(folder);
    expect(shown(lists)["validation"]).toEqual(["b: b/val/1.png", "b: b/val/2.png"]);
    expect(shown(lists)["test"]).toHaveLength(4);
    expect(lists.notes).toContain("the parts (test, train, val) lie in the folders of the classes");
  });

  it("two of one kind are refused", async () => {
    await put(["train/a", "train/b", "val/a", "valid/a"]);
    await expect(listPictureFolder(folder)).rejects.toThrow("val and valid are both for validation; make them one");
  });

  it("without labels, of no known name, and pictures in no folder are left aside, and said so", async () => {
    await put(["train/a", "train/b", "extra/a", "."]);
    await put(["test"], ["1.png", "2.png", "3.png"]);
    const lists = await listPictureFolder(folder);
    expect(lists.parts.map(([split]) => split)).toEqual(["train"]);
    expect(lists.notes).toEqual([
      "test/ is left aside: its 3 pictures have no class folders, so no labels",
      "extra/ is left aside: it is none of the parts train, val and test",
      "2 pictures beside the folders of classes are left aside: no folder gives a label",
    ]);
  });

  it("beside the classes to train on", async () => {
    await put(["a", "b", "c", "test/a", "test/b", "val/c"]);
    const { parts, notes } = await listPictureFolder(folder);
    expect(parts.map(([split, { paths }]) => [split, paths.length])).toEqual([
      ["train", 6],
      ["validation", 2],
      ["test", 4],
    ]);
    expect(notes[0]).toBe("the folders of classes beside test/, val/ are trained on");
    await put(["test/d"]);
    expect((await listPictureFolder(folder)).parts.map(([split]) => split)).toEqual(["validation", "test"]);
  });

  it("may be classes of that name", async () => {
    await put(["train", "bus", "car"]);
    expect(Object.keys(shown(await listPictureFolder(folder)))).toEqual(["train"]);
    expect((await listPictureFolder(folder)).parts[0][1].classes).toEqual(["bus", "car", "train"]);
  });

  it("may lack classes of train, and have no others", async () => {
    await put(["train/a", "train/b", "train/c", "test/a"]);
    const { parts, notes } = await listPictureFolder(folder);
    expect(parts[1][1].classes).toEqual(["a", "b", "c"]);
    expect(notes).toEqual(["the test part has no pictures of b, c"]);
    await put(["test/d"]);
    await expect(listPictureFolder(folder)).rejects.toThrow("there is no class d in train, which has a, b, c");
  });

  it("in a folder of their own, as archives leave them", async () => {
    await put(["all/big_test/train/0", "all/big_test/train/1", "all/big_test/test/0", "__MACOSX/digits"]);
    const lists = await listPictureFolder(folder);
    expect(lists.parts.map(([split]) => split)).toEqual(["train", "test"]);
    expect(lists.notes).toEqual([
      `the pictures lie in ${join(folder, "all", "big_test")}`,
      "the test part has no pictures of 1",
    ]);
  });
});

it("links to folders are followed, but not back up", async () => {
  await put(["a", "elsewhere/b"]);
  await mkdir(join(folder, "set"));
  await symlink(join("..", "a"), join(folder, "set", "a"));
  await symlink(join("..", "elsewhere", "b"), join(folder, "set", "b"));
  await symlink("..", join(folder, "a", "up"));
  const { parts } = await listPictureFolder(join(folder, "set"));
  expect([parts[0][1].classes, parts[0][1].paths.length]).toEqual([["a", "b"], 4]);
  await put(["two/x", "two/y"]);
  await symlink("..", join(folder, "two", "x", "up"));
  expect((await listPictureFolder(join(folder, "two"))).parts[0][1].paths).toHaveLength(4);
});

it("files of which none is a picture by its name are counted in the refusal", async () => {
  await put(["a", "b"], ["1", "2", "3.xcf"]);
  await expect(listPictureFolder(folder)).rejects.toThrow(
    /no folders of pictures; expected .*; what is there is not PNG, .* by its name: 4 without an ending, 2 \.xcf$/,
  );
});

describe("folders in folders", () => {
  it.each<[string, readonly string[], readonly string[], string, string]>([
    ["signs over writers", ["0", "1", "2"], ["anna", "ben"], "first", "class"],
    ["writers over signs", ["anna", "ben"], ["0", "1", "2"], "second", "class"],
    ["numbered writers over words", ["w01", "w02"], ["no", "yes"], "second", "class"],
    ["words over numbered writers", ["no", "yes", "maybe"], ["w01", "w02"], "first", "class"],
    ["writers over numbered classes", ["anna", "ben"], ["digit_0", "digit_1", "digit_2"], "second", "class"],
    ["many names over few", ["anna", "ben", "cleo"], ["cat", "dog"], "second", "class"],
    ["few names over many", ["cat", "dog"], ["anna", "ben", "cleo"], "first", "class"],
    ["codes over parts of NIST", ["30", "4a", "7a"], ["hsf_0", "hsf_1"], "first", "class"],
  ])("%s", async (_, outer, inner, level) => {
    await put(outer.flatMap((name) => inner.map((below) => `${name}/${below}`)));
    const { parts, notes } = await listPictureFolder(folder);
    const [[, list]] = parts;
    expect(list.classes).toEqual([...(level === "first" ? outer : inner)].sort());
    expect(list.paths).toHaveLength(2 * outer.length * inner.length);
    expect(new Set(list.writers).size).toBe(level === "first" ? inner.length : outer.length);
    expect(notes.join()).toMatch(`folders lie in folders: the ${level} level is taken for the class`);
  });

  it("below one class alone are taken for parts of it", async () => {
    await put(["a/session1", "a/session2", "b/other"]);
    const { parts, notes } = await listPictureFolder(folder);
    expect([parts[0][1].classes, parts[0][1].writers]).toEqual([["a", "b"], undefined]);
    expect(notes).toEqual(["folders lie in folders: the first level is taken for the class (a, b)"]);
  });

  it("are read in all parts as in train", async () => {
    await put(["train/anna/0", "train/anna/1", "train/ben/0", "train/ben/1", "test/cleo/0", "test/cleo/1"]);
    const lists = await listPictureFolder(folder);
    expect(shown(lists)["test"]).toEqual([
      "0: test/cleo/0/1.png",
      "0: test/cleo/0/2.png",
      "1: test/cleo/1/1.png",
      "1: test/cleo/1/2.png",
    ]);
  });
});
