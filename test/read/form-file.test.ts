/** What `form.json` may hold, and how it is refused. */
import { describe, expect, it } from "vitest";
import { parseFields, parseForm } from "../../src/read/form-file.ts";

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
    [{ picture: "f.png", fields: [{ ...field, box: [1, 2, 3] }] }, /box/],
    [{ picture: "f.png", fields: [field, field] }, /two fields named "a"/],
    [{ picture: "f.png", fields: [{ ...field, box: [1, 2, 0, 9] }] }, /without width or height/],
    [{ picture: "f.png", fields: [{ ...field, checksum: "crc" }] }, /checksum/],
    [{ picture: "f.png", fields: [{ ...field, lenght: 4 }] }, /lenght/],
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
