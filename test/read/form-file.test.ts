/** What `form.json` may hold, and how it is refused. */
import { describe, expect, it } from "vitest";
import { DataError } from "../../src/engine/errors.ts";
import { openForm, parseFields, parseForm } from "../../src/read/form-file.ts";

describe("the description of a form", () => {
  const field = { name: "a", box: [1, 2, 30, 20] };

  it("may say what stands in its fields", () => {
    const rules = { length: [4, 8], pattern: "\\d+", values: ["1", "2"], checksum: "luhn" };
    const { fields } = parseForm(
      {
        picture: "f.png",
        fields: [
          { ...field, ...rules },
          { ...field, name: "b" },
        ],
      },
      "f.json",
    );
    expect(fields).toEqual([
      { ...field, rules },
      { ...field, name: "b", rules: {} },
    ]);
  });

  it.each([
    [{ fields: [field] }, /f.json: picture is missing/],
    [{ picture: "f.png", fields: [] }, /list of 1 to/],
    [
      { picture: "f.png", fields: [{ ...field, box: [1, 2, 3] }] },
      /f.json: the field "a": box must be a list of 4 to 4/,
    ],
    [
      { picture: "f.png", fields: [field], pictures: 1 },
      /the form has the unknown field "pictures"; did you mean "picture"/,
    ],
    [{ picture: "f.png", fields: [field, field] }, /two fields named "a"/],
    [{ picture: "f.png", fields: [{ ...field, box: [1, 2, 0, 9] }] }, /without width or height/],
    [{ picture: "f.png", fields: [{ ...field, checksum: "crc" }] }, /checksum/],
    [
      { picture: "f.png", fields: [{ ...field, lenght: 4 }] },
      /the field "a" has the unknown field "lenght"; did you mean "length"/,
    ],
    [
      { picture: "f.png", fields: [{ ...field, color: 4 }] },
      /"color"; known: name, box, length, pattern, values, checksum/,
    ],
    [{ picture: "f.png", fields: [{ box: [1, 2, 3, 4] }] }, /fields.0.name is missing/],
    [
      { picture: "f.png", fields: [{ ...field, values: 7 }] },
      /"a": values must be a list of texts, or the name of a file/,
    ],
    [{ picture: "f.png", fields: [{ ...field, values: "codes.txt" }] }, /the values of the field "a" are in a file/],
    [{ picture: "f.png", fields: [{ ...field, values: { file: "f", colum: "b" } }] }, /did you mean "column"/],
  ])("is refused where it is wrong: %j", (value, message) => {
    expect(() => parseForm(value, "f.json")).toThrow(message);
  });

  it("may come without its picture: the fields alone, or the whole file", () => {
    const expected = [{ ...field, rules: { length: 3 } }];
    const fields = [{ ...field, length: 3 }];
    expect(parseFields(fields, "fields")).toEqual(expected);
    expect(parseFields({ picture: "elsewhere.png", fields }, "fields")).toEqual(expected);
    expect(() => parseFields({ picture: "elsewhere.png" }, "fields")).toThrow(/^fields: fields is missing/);
    expect(() => parseFields([field, field], "fields")).toThrow(/two fields named "a"/);
  });
});

describe("values in a file", () => {
  const form = (values: unknown): object => ({
    picture: "f.png",
    fields: [{ name: "code", box: [1, 2, 30, 20], values }],
  });

  it("are read by whoever opens the form", async () => {
    const asked: unknown[] = [];
    const { fields } = await openForm(form({ file: "c.csv", column: "b" }), "f.json", async (file) => {
      asked.push(file);
      return ["12", "34"];
    });
    expect(asked).toEqual([{ file: "c.csv", column: "b" }]);
    expect(fields).toEqual([{ name: "code", box: [1, 2, 30, 20], rules: { values: ["12", "34"] } }]);
  });

  it("that cannot be read are named with their field", async () => {
    const open = openForm(form("c.txt"), "f.json", async () => {
      throw new DataError("c.txt: no such file");
    });
    await expect(open).rejects.toThrow('f.json: the values of the field "code": c.txt: no such file');
  });
});
