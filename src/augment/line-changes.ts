/**
 * What each augmentation does to the picture of a line of writing: records keep their names and options, those that would make
 * another text of a line or move it off its sheet are refused. Moves are added up and done at once, in line-augmenter.ts.
 */
import { UsageError } from "../engine/errors.ts";
import type { Random } from "../engine/random.ts";
import { checkAugmentations, optionsOf } from "./augmentations.ts";
import { draw, radians } from "./moves.ts";
import type { RecordOptions } from "./record-rules.ts";
import type { Augmentation, AugmentationList, AugmentationName } from "./records.ts";
import { blur, brightness, type Canvas, contrast, noise, type Touch } from "./touches.ts";

/** How a line is moved. */
export interface LineMove {
  /** Factors of its width and of the height of its ink. */
  width: number;
  height: number;
  /** Columns that a stroke leans to the right for each row upwards. */
  lean: number;
  /** Rows downwards. */
  down: number;
}

/** What an augmentation does to lines. */
type LineEffect =
  | { readonly kind: "move"; readonly move: (line: LineMove, random: Random) => void }
  | {
      readonly kind: "touch";
      readonly touch: Touch;
      /** Called at the start of each epoch. */
      readonly begin?: ((random: Random) => void) | undefined;
    };

/** An augmentation ready to be applied to lines. */
export type LineStep = LineEffect & { readonly p: number };

/** Takes the options that have a meaning for lines. */
type Build<N extends AugmentationName> = (options: RecordOptions<N>, canvas: Canvas) => LineEffect;

interface LineEntry<N extends AugmentationName> {
  /** Options, beside `p`. */
  readonly options: readonly string[];
  readonly build: Build<N>;
}

const CHANGES: { readonly [N in AugmentationName]?: LineEntry<N> } = {
  shear: {
    options: ["x"],
    build: ({ x }) => ({
      kind: "move",
      move: (line, random) => {
        line.lean += Math.tan(radians(draw(random, x)));
      },
    }),
  },
  zoom: {
    options: ["scale", "aspect"],
    build: ({ scale, aspect }) => ({
      kind: "move",
      move: (line, random) => {
        const factor = draw(random, scale);
        const stretch = Math.sqrt(draw(random, aspect));
        line.width *= factor * stretch;
        line.height *= factor / stretch;
      },
    }),
  },
  shift: {
    options: ["y"],
    build: ({ y }, { frame }) => ({
      kind: "move",
      move: (line, random) => {
        // A canvas of lines is turned: its rows are columns.
        line.down += draw(random, y) * frame.width;
      },
    }),
  },
  stroke: { options: ["radius"], build: ({ radius }, canvas) => ({ kind: "touch", touch: stroke(radius, canvas) }) },
  blur: { options: ["sigma"], build: ({ sigma }, canvas) => ({ kind: "touch", touch: blur(sigma, canvas) }) },
  brightness: {
    options: ["amount"],
    build: ({ amount }, canvas) => ({ kind: "touch", touch: brightness(amount, canvas) }),
  },
  contrast: {
    options: ["factor"],
    build: ({ factor }, canvas) => ({ kind: "touch", touch: contrast(factor, canvas) }),
  },
  noise: { options: ["std"], build: ({ std }, canvas) => ({ kind: "touch", ...noise(std, canvas) }) },
};

/** The names that a record for lines may have. */
export const LINE_AUGMENTATION_NAMES = Object.keys(CHANGES) as readonly AugmentationName[];

/**
 * The steps of a list, for lines on a canvas.
 * @throws UsageError as {@link checkAugmentations}, and for records and options that have no meaning for lines
 */
export function lineSteps(list: AugmentationList, canvas: Canvas): readonly LineStep[] {
  return checkAugmentations(list).map((record) => {
    const entry = entryOf(record);
    const options = optionsOf(record);
    return { ...(entry.build as Build<AugmentationName>)(options as never, canvas), p: options.p };
  });
}

function entryOf(record: Augmentation): LineEntry<AugmentationName> {
  const { name, p, ...given } = record;
  const entry = CHANGES[name] as LineEntry<AugmentationName> | undefined;
  const takes = Object.entries(CHANGES).map(([known, { options }]) => `${known} (${options.join(", ")})`);
  const rest = `lines of writing take ${takes.join(", ")}: --augment lines has them`;
  if (entry === undefined) throw new UsageError(`augmentation ${name} is for single pictures; ${rest}`);
  const stranger = Object.keys(given).find((option) => !entry.options.includes(option));
  if (stranger !== undefined) throw new UsageError(`augmentation ${name}: ${stranger} is for single pictures; ${rest}`);
  return entry;
}

/**
 * Moves the edges of light ink outwards by so many pixels, or inwards below 0: each pixel becomes the lightest, or darkest, of itself
 * and the four beside it, once for each whole pixel, and for the rest by its share.
 */
function stroke(radius: RecordOptions<"stroke">["radius"], canvas: Canvas): Touch {
  const before = new Uint8Array(canvas.out.length);
  return (_, random) => {
    const drawn = draw(random, radius);
    const { out, size, frame } = canvas;
    const { width } = frame;
    const best = drawn < 0 ? Math.min : Math.max;
    for (let rest = Math.abs(drawn); rest > 0; rest--) {
      const share = Math.min(1, rest);
      for (let i = 0; i < size; i++) before[i] = out[i];
      for (let i = 0; i < size; i++) {
        const y = i % width;
        // There is no ink beyond the edges.
        const above = y > 0 ? before[i - 1] : 0;
        const below = y < width - 1 ? before[i + 1] : 0;
        const left = i >= width ? before[i - width] : 0;
        const right = i + width < size ? before[i + width] : 0;
        const own = before[i];
        out[i] = Math.round(own + share * (best(own, above, below, left, right) - own));
      }
    }
  };
}
