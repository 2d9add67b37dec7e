/** A blank form is found in photographs of it that were filled in, turned and in perspective; what is no such photograph is refused. */
import { describe, expect, it } from "vitest";
import { DataError } from "../../src/engine/errors.ts";
import { Form, type FormBox } from "../../src/page/form.ts";
import { composed, distance, type Homography, project } from "../../src/page/geometry.ts";
import { DrawnPage, rectangle } from "./drawing.ts";

const [WIDTH, HEIGHT] = [600, 760];
const FIELDS: readonly FormBox[] = Array.from({ length: 12 }, (_, k) => ({
  name: `field ${k}`,
  box: [60 + 180 * (k % 3), 90 + 160 * Math.floor(k / 3), 130, 44],
}));

/** A form with boxes and with something printed above each, other things for another seed. */
function blank(seed = 1): DrawnPage {
  const page = new DrawnPage();
  for (const [k, { box }] of FIELDS.entries()) {
    const [x, y, width, height] = box;
    page.box(x, y, width, height);
    const text = String(Math.imul(7919 * (k + seed), 104729) >>> 0).slice(0, 3 + (k % 4));
    page.number(text, x + ((7 * k * seed) % 23), y - 8 - ((5 * k) % 9), 14, { pen: 2 });
    page.line(
      { x: x + 20, y: y + height + 12 + ((11 * k * seed) % 30) },
      { x: x + width - 4 * k, y: y + height + 40 },
      2,
    );
  }
  return page;
}

/** What is written in the fields; none in the last. */
const written = FIELDS.slice(0, -1).map((_, k) => String(109 + 73 * k));

function filled(seed = 1): DrawnPage {
  const page = blank(seed);
  for (const [k, text] of written.entries())
    page.number(text, FIELDS[k].box[0] + 14, FIELDS[k].box[1] + 37, 30, { pen: 3 });
  return page;
}

/** Turned about the middle of the page by so many degrees, a little in perspective, in the middle of a picture of 1000×1000. */
function camera(degrees: number, perspective = 0.0002): Homography {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const turned = composed([cos, -sin, 500, sin, cos, 500, 0, 0, 1], [1, 0, 0, 0, 1, 0, perspective, -perspective, 1]);
  return composed(turned, [1, 0, -WIDTH / 2, 0, 1, -HEIGHT / 2, 0, 0, 1]);
}

const form = new Form(blank().photograph(WIDTH, HEIGHT), FIELDS);

describe("a form in a photograph", () => {
  it.each([0, 8, 90, 180, 233])("turned by %i degrees has its fields where they are, upright", (degrees) => {
    const seen = camera(degrees);
    const picture = filled().photograph(1000, 1000, { camera: seen, noise: 5, shadow: true });
    const { fields, problem } = form.find(picture);
    expect(problem).toBeUndefined();
    for (const [k, { field, region }] of fields.entries()) {
      expect(field).toBe(FIELDS[k]);
      const [x, y, width, height] = field.box;
      for (const [corner, point] of rectangle(x, y, width, height).entries()) {
        expect(distance(project(seen, point), region?.quad[corner] ?? { x: 0, y: 0 })).toBeLessThan(3);
      }
      expect(region?.ink !== undefined).toBe(k < written.length);
      // Upright: nothing is written in the right quarter of the box.
      if (region?.ink !== undefined) expect(region.ink.right).toBeLessThan(0.75 * region.crop.width);
    }
    expect(fields.at(-1)?.problem).toMatch(/nothing is written/);
  });

  it("is read also where the form's own picture is of one that was filled in", () => {
    const same = filled().photograph(WIDTH, HEIGHT);
    const { fields } = new Form(same, FIELDS.slice(0, -1)).find(same);
    expect(fields.map(({ region }) => region?.ink !== undefined)).toEqual(written.map(() => true));
  });

  it("that shows a part of it names the fields that are outside", () => {
    const seen = composed([1, 0, 0, 0, 1, -250, 0, 0, 1], [1, 0, 20, 0, 1, 20, 0, 0, 1]);
    const { fields } = form.find(filled().photograph(660, 560, { camera: seen }));
    const missing = fields.filter(({ region }) => region === undefined).map(({ problem }) => problem);
    expect(missing).toEqual([0, 1, 2].map((k) => `the field "field ${k}" is not in the picture`));
  });

  it("of another form, or of none, is refused", () => {
    const other = new DrawnPage();
    for (let k = 0; k < 9; k++) {
      other
        .box(40 + 61 * k, 60 + 83 * ((k * 5) % 9), 150 - 9 * k, 30 + 3 * k)
        .number(String(9871 * (k + 2)), 70, 120 + 80 * k, 16, { pen: 2 });
    }
    expect(() => form.find(other.photograph(800, 900))).toThrow(/the form is not found/);
    expect(() => form.find(new DrawnPage().number("123", 50, 100, 50).photograph(400, 200))).toThrow(DataError);
    expect(() => form.find({ width: 1, height: 1, channels: 1, data: new Uint8Array(1) })).toThrow(DataError);
  });
});

it("a form may have no field outside of its picture", () => {
  const picture = blank().photograph(WIDTH, HEIGHT);
  expect(() => new Form(picture, [{ name: "far", box: [590, 10, 40, 20] }])).toThrow(/"far" lies outside/);
});
