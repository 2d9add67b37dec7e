/**
 * A data set of strings that are made of single characters while they are read: each time others, and the same again for the same
 * seed, epoch and sample. What a reader of whole numbers learns from, as nobody has enough real ones with labels.
 *
 * A sample is the picture of a line as the codec of lines (task/line-input.ts) makes it of a crop: its columns one after the other,
 * light ink on black, all ink of one height.
 */
import type { Dataset, SplitName } from "../data/dataset.ts";
import { type Arrays, IGNORED, INDEX, PLACES, type Ports, type Sizes } from "../data/port.ts";
import { UsageError } from "../engine/errors.ts";
import { bucket } from "../engine/programs.ts";
import { Random } from "../engine/random.ts";
import { LINE } from "../picture/line.ts";
import { Canvas } from "./canvas.ts";
import { addClutter, type Clutter, strikeOut } from "./clutter.ts";
import { Content, drawContent, type Kinds, type Material, MOST } from "./content.ts";
import { Layout, type Spacing } from "./layout.ts";

/** What strings look like. */
export interface Style {
  /** The ways in which characters stand apart, each with its share. */
  readonly spacings: readonly (readonly [share: number, spacing: Spacing])[];
  readonly clutter: Clutter;
  /** Share of strings as one scanner gives them; pen, ink, focus and size of the others differ as much as they do over all papers. */
  readonly calm: number;
  /** Shares of what is no plain number. */
  readonly kinds?: Kinds | undefined;
}

const SPACED: Spacing = { low: 2, high: 8, jitter: 1.2 };
const TOUCHING: Spacing = { low: -1.5, high: 0, jitter: 0.3 };
const CLEAN: Clutter = { box: 0, rule: 0, dirt: 0, noise: 0 };

/** Ways to make strings, by name. */
export const STYLES = {
  /** Everything that occurs on paper, to learn from. */
  mixed: {
    spacings: [
      [0.4, SPACED],
      [0.2, { low: 0, high: 2.5, jitter: 0.8 }],
      [0.24, TOUCHING],
      [0.04, { low: -3.5, high: -1, jitter: 0.6 }],
      [0.12, { low: 6, high: 18, jitter: 2 }],
    ],
    clutter: { box: 0.12, rule: 0.08, dirt: 0.1, noise: 0.25 },
    calm: 0.4,
    kinds: { amount: 0.1, unreadable: 0.03, struck: 0.008, empty: 0.012 },
  },
  /** Digits with room between them, to measure by. */
  spaced: { spacings: [[1, SPACED]], clutter: CLEAN, calm: 1 },
  /** Digits whose ink meets, to measure by. */
  touching: { spacings: [[1, TOUCHING]], clutter: CLEAN, calm: 1 },
  /** Digits in boxes of which something is left, to measure by. */
  boxed: { spacings: [[1, { low: 4, high: 10, jitter: 1.5 }]], clutter: { ...CLEAN, box: 1 }, calm: 1 },
} as const satisfies Record<string, Style>;

/** The name of a way to make strings: one of {@link STYLES}. */
export type StyleName = keyof typeof STYLES;

export interface StringsOptions {
  readonly material: Material;
  /** The symbols of strings. */
  readonly alphabet: readonly string[];
  /** How many strings an epoch has. */
  readonly length: number;
  /** A name, or a style of one's own. Default "mixed". */
  readonly style?: StyleName | Style | undefined;
  /** Least and most characters of a string; default 1 to 10, such that those of a batch are about equally wide. */
  readonly characters?: readonly [least: number, most: number] | undefined;
  /** Whether each epoch has strings of its own; default true. What is measured by is the same each time. */
  readonly isEndless?: boolean | undefined;
  readonly seed?: number | undefined;
  readonly name?: string | undefined;
  readonly split?: SplitName | undefined;
}

/** Strings that come together have pictures of one width, so that little of a batch is filling. */
const GROUP = 64;
/** Widths of pictures, in shares of the groups, with the characters that fill them. */
const WIDTHS = [
  { share: 0.1, columns: 64, least: 1, most: 2 },
  { share: 0.25, columns: 96, least: 2, most: 4 },
  { share: 0.37, columns: 128, least: 4, most: 6 },
  { share: 0.28, columns: 192, least: 6, most: 10 },
] as const;
/** Columns that a character takes at most, where strings of given lengths are asked for. */
const WIDEST = 26;

/** Share of the strings out of focus, of handwriting and of print, … */
const BLURRED = { written: 0.06, printed: 0.4 };
/** … how often these are blurred at most, and by how much each time (Canvas.blur). */
const [MOST_BLURS, SIDE] = [6, 0.25];
/** Pixels by which a character is bent at most. */
const BENT = 1.6;

/** What is drawn for sample `use` of an epoch. */
const SHAPE = 0;
const LOOKS = 1;

interface Plan {
  readonly columns: number;
  readonly characters: number;
}

/** Strings over an alphabet, made of single characters. */
export class Strings implements Dataset {
  readonly name: string;
  readonly length: number;
  readonly split: SplitName | undefined;
  readonly alphabet: readonly string[];
  readonly inputs: Ports = { x: { shape: ["columns", LINE.height, 1], dtype: "uint8" }, length: INDEX };
  /** The symbols, and the columns in which they stand. */
  readonly targets: Ports = {
    y: { shape: ["symbols"], dtype: "int32" },
    [PLACES]: { shape: ["symbols"], dtype: "int32" },
  };
  readonly ground = 0;
  readonly locality = { samples: GROUP, groups: 1 };
  readonly #options: StringsOptions;
  readonly #style: Style;
  readonly #seed: number;
  readonly #shapes: Random;
  readonly #canvas = new Canvas(LINE.height);
  readonly #content = new Content();
  readonly #layout = new Layout();
  #random: Random;
  #epoch = 0;

  /** @throws UsageError when an option is out of range */
  constructor(options: StringsOptions) {
    const { length, style = "mixed", characters, seed = 0, name = "strings", split, alphabet } = options;
    if (!Number.isSafeInteger(length) || length < 1) {
      throw new UsageError(`${name}: ${length} strings; expected a whole number of at least 1`);
    }
    const [least, most] = characters ?? [1, 1];
    if (!(Number.isInteger(least) && Number.isInteger(most) && least >= 1 && least <= most && most <= MOST)) {
      throw new UsageError(
        `${name}: strings of ${least} to ${most} characters; expected whole numbers from 1 to ${MOST}`,
      );
    }
    this.name = name;
    this.length = length;
    this.split = split;
    this.alphabet = alphabet;
    this.#options = options;
    this.#style = typeof style === "string" ? STYLES[style] : style;
    this.#seed = seed;
    this.#shapes = new Random(seed, "synthesis", 0);
    this.#random = new Random(seed, "synthesis", 1);
  }

  sizes(index: number): Sizes {
    const { columns, characters } = this.#plan(index);
    // Amounts have signs beside the digits.
    return { columns, symbols: Math.min(MOST, characters + 10) };
  }

  /** Who wrote a string: a number for each writer; -1 for print. */
  writer(index: number): number {
    const { written } = this.#options.material;
    const writer = this.#draw(index, 0);
    return writer < 0 ? -1 : written.writers[writer];
  }

  read(
    indices: ArrayLike<number>,
    start: number,
    count: number,
    { x, y, [PLACES]: places, length }: Arrays,
    sizes: Sizes = {},
    epoch = 0,
  ): void {
    const size = sizes.columns * LINE.height;
    for (let k = 0; k < count; k++) {
      this.#draw(indices[start + k], epoch);
      const columns = this.#render();
      const pixels = this.#canvas.pixels;
      const used = Math.min(size, this.#canvas.columns * LINE.height);
      const at = k * size;
      for (let p = 0; p < used; p++) x[at + p] = pixels[p];
      x.fill(0, at + used, at + size);
      length[k] = columns;
      const { says } = this.#content;
      const { left, right } = this.#layout;
      for (let s = 0; s < sizes.symbols; s++) {
        const [isSymbol, place] = [s < says.length, k * sizes.symbols + s];
        y[place] = isSymbol ? says[s] : IGNORED;
        places[place] = isSymbol ? Math.round((left[s] + right[s]) / 2) : IGNORED;
      }
    }
  }

  /** How wide a picture is and how many characters are wanted: the same in all epochs. */
  #plan(index: number): Plan {
    const { characters } = this.#options;
    if (characters !== undefined) {
      const [least, most] = characters;
      const count = least + this.#shapes.item(index, SHAPE).integer(most - least + 1);
      return { columns: bucket(count * WIDEST + LINE.before + LINE.after + LINE.margin), characters: count };
    }
    let share = this.#shapes.item(Math.floor(index / GROUP), LOOKS).uniform();
    const { columns, least, most } = WIDTHS.find((width) => (share -= width.share) < 0) ?? WIDTHS[2];
    return { columns, characters: least + this.#shapes.item(index, SHAPE).integer(most - least + 1) };
  }

  /** Draws what a string is. @returns its writer */
  #draw(index: number, epoch: number): number {
    const { material, isEndless = true } = this.#options;
    const wanted = isEndless ? epoch : 0;
    if (wanted !== this.#epoch) {
      this.#epoch = wanted;
      this.#random = new Random(this.#seed, "synthesis", 1 + wanted);
    }
    const { columns, characters } = this.#plan(index);
    const random = this.#random.item(index);
    this.#canvas.clear(columns);
    return drawContent(this.#content, material, characters, this.#style.kinds, random);
  }

  /** Draws the picture of it. @returns columns that count */
  #render(): number {
    const random = this.#random;
    const canvas = this.#canvas;
    const content = this.#content;
    const layout = this.#layout;
    const { spacings, clutter, calm } = this.#style;
    const { height, before, after, margin, ink } = LINE;
    const isMuch = calm < 1 && random.uniform() >= calm;
    let share = random.uniform();
    const [, spacing] = spacings.find(([part]) => (share -= part) < 0) ?? spacings[0];
    const isBoxed = random.uniform() < clutter.box;
    const inkHeight = ink * (isMuch ? random.between(0.9, 1.08) : random.between(0.97, 1.03));
    const begin = before + (isMuch ? random.between(-1.5, 3) : 0);
    layout.place(
      content,
      spacing,
      {
        room: canvas.columns - begin - after - margin,
        height: isBoxed ? inkHeight * random.between(0.72, 0.92) : inkHeight,
        middle: (height - 1) / 2 + (isMuch ? random.between(-1, 1) : 0),
        begin,
      },
      random,
    );
    const bend = isMuch ? BENT : 0;
    for (let k = 0; k < content.count; k++) {
      canvas.character(content.from[k], content.glyph[k], placeAt(layout, k), bend, random);
    }
    const end = content.count === 0 ? begin + random.between(0, 20) : layout.end;
    if (content.isStruck) strikeOut(canvas, begin, end, random);
    if (isMuch) {
      const isPrinted = content.count > 0 && content.from[content.count - 1] === this.#options.material.printed?.glyphs;
      if (random.uniform() < (isPrinted ? BLURRED.printed : BLURRED.written)) {
        for (let times = 1 + random.integer(MOST_BLURS); times > 0; times--) canvas.blur(SIDE);
      }
      // Low: thick strokes; high: thin ones.
      const low = random.between(-10, 55);
      canvas.blur(Math.max(0, random.between(-0.06, 0.2)));
      canvas.pen(Math.max(0, low), Math.min(250, 150 + low + random.between(0, 60)), random.between(200, 255));
    }
    addClutter(canvas, layout, content.count, { ...clutter, box: isBoxed ? 1 : 0 }, begin, end, random);
    const counted = Math.min(canvas.columns - margin, Math.ceil(end) + after);
    canvas.end(counted);
    return counted;
  }
}

const place = { a: 0, b: 0, c: 0, d: 0, e: 0, f: 0, left: 0, right: 0, top: 0, bottom: 0 };

/** The same object each time. */
function placeAt(layout: Layout, k: number): typeof place {
  place.a = layout.a[k];
  place.b = layout.b[k];
  place.c = layout.c[k];
  place.d = layout.d[k];
  place.e = layout.e[k];
  place.f = layout.f[k];
  place.left = layout.left[k];
  place.right = layout.right[k];
  place.top = layout.top[k];
  place.bottom = layout.bottom[k];
  return place;
}
