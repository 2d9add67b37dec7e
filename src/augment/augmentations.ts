/**
 * All augmentations: what options each takes, and how a record becomes a function. The one list that is read by whoever
 * checks, runs or documents augmentations.
 */
import { UsageError, unknownName } from "../engine/errors.ts";
import type { Random } from "../engine/random.ts";
import { elastic } from "./elastic.ts";
import { cutmix, type Mix, mixup } from "./mixes.ts";
import { crop, flip, type Move, perspective, rotate, shear, shift, zoom } from "./moves.ts";
import type { Augmentation, AugmentationList, AugmentationName } from "./records.ts";
import { choice, interval, number, type Options, type Rules, readOptions, symmetric } from "./rules.ts";
import { blur, brightness, contrast, erase, noise, type Stroke, stroke, type Touch } from "./touches.ts";
import type { Workspace } from "./workspace.ts";

/** What an augmentation does: move the picture, thicken its strokes, touch its pixels, or mix it with another. */
type Effect =
  | { readonly kind: "move"; readonly move: Move }
  | { readonly kind: "stroke"; readonly stroke: Stroke }
  | { readonly kind: "touch"; readonly touch: Touch }
  | { readonly kind: "mix"; readonly mix: Mix };

/** An augmentation ready to be applied. */
export type Step = Effect & {
  readonly p: number;
  /** Called at the start of each epoch. */
  readonly begin?: ((random: Random) => void) | undefined;
};

type Build<R extends Rules> = (
  options: Options<R>,
  workspace: Workspace,
) => Effect & { begin?: ((random: Random) => void) | undefined };

interface Entry {
  readonly rules: Rules;
  /** Effect of a checked record. */
  build(record: Augmentation, workspace: Workspace): Step;
}

const SHARE = { min: 0, max: 1 };

function define<R extends Rules>(rules: R, build: Build<R>, byDefault = 1): Entry {
  const all = { ...rules, p: number(SHARE, byDefault) };
  return {
    rules: all,
    build: (record, workspace) => {
      const options = readOptions(all, record, record.name);
      return { ...build(options as unknown as Options<R>, workspace), p: options.p as number };
    },
  };
}

const move = (made: Move): Effect => ({ kind: "move", move: made });
const touch = (made: Touch): Effect => ({ kind: "touch", touch: made });

const FACTOR = { min: 0.1, max: 10 };
const LEAN = { min: -60, max: 60 };
/** From two thirds on, a corner may come to lie inside of the triangle of the others. */
const MOST_DISTORTION = 0.6;
const PIXELS = { min: -16, max: 16 };

const AUGMENTATIONS: Readonly<Record<AugmentationName, Entry>> = {
  rotate: define({ degrees: symmetric({ min: -180, max: 180 }) }, ({ degrees }) => move(rotate(degrees))),
  flip: define({ axis: choice(["horizontal", "vertical"], "horizontal") }, ({ axis }) => move(flip(axis)), 0.5),
  zoom: define({ scale: interval(FACTOR), aspect: interval(FACTOR, [1, 1]) }, ({ scale, aspect }) =>
    move(zoom(scale, aspect)),
  ),
  shift: define(
    { x: symmetric({ min: -1, max: 1 }, [0, 0]), y: symmetric({ min: -1, max: 1 }, [0, 0]) },
    ({ x, y }, { frame }) => move(shift(x, y, frame)),
  ),
  shear: define({ x: symmetric(LEAN, [0, 0]), y: symmetric(LEAN, [0, 0]) }, ({ x, y }) => move(shear(x, y))),
  perspective: define({ distortion: number({ min: 0, max: MOST_DISTORTION }) }, ({ distortion }, { frame }) =>
    move(perspective(distortion, frame)),
  ),
  crop: define({ padding: number({ min: 0, max: 256, whole: true }) }, ({ padding }) => move(crop(padding))),
  elastic: define(
    { alpha: interval({ min: 0, max: 10_000 }), sigma: number({ min: 0.5, max: 64 }) },
    ({ alpha, sigma }, workspace) => {
      const most = workspace.fields[0].side / 8;
      if (sigma > most) {
        const { width, height } = workspace.frame;
        throw new UsageError(
          `augmentation elastic: sigma is ${sigma} but at most ${most} for pictures of ${width}×${height}`,
        );
      }
      return { kind: "move", ...elastic(alpha, sigma, workspace) };
    },
  ),
  stroke: define({ radius: symmetric(PIXELS) }, ({ radius }, workspace) => ({
    kind: "stroke",
    stroke: stroke(radius, workspace),
  })),
  blur: define({ sigma: interval({ min: 0, max: 16 }) }, ({ sigma }, workspace) => touch(blur(sigma, workspace))),
  brightness: define({ amount: symmetric({ min: -1, max: 1 }) }, ({ amount }, workspace) =>
    touch(brightness(amount, workspace)),
  ),
  contrast: define({ factor: interval({ min: 0, max: 10 }) }, ({ factor }, workspace) =>
    touch(contrast(factor, workspace)),
  ),
  noise: define({ std: interval(SHARE) }, ({ std }, workspace) => ({ kind: "touch", ...noise(std, workspace) })),
  erase: define(
    {
      area: interval(SHARE, [0.02, 0.2]),
      ratio: interval(FACTOR, [0.3, 3.3]),
      fill: choice(["noise", "ground"], "noise"),
    },
    ({ area, ratio, fill }, workspace) => touch(erase(area, ratio, fill, workspace)),
    0.5,
  ),
  mixup: define({ alpha: number({ min: 0.05, max: 100 }, 0.2) }, ({ alpha }, { size }) => ({
    kind: "mix",
    mix: mixup(alpha, size),
  })),
  cutmix: define({ alpha: number({ min: 0.05, max: 100 }, 1) }, ({ alpha }, { frame }) => ({
    kind: "mix",
    mix: cutmix(alpha, frame),
  })),
};

/** The names that a record may have. */
export const AUGMENTATION_NAMES = Object.keys(AUGMENTATIONS) as readonly AugmentationName[];

/**
 * Checks a list that comes from a file or a user.
 * @throws UsageError, in one line, for what is no list of records, an unknown name or option (with a suggestion), a missing
 * option, and a value out of range
 */
export function checkAugmentations(list: unknown): AugmentationList {
  if (!Array.isArray(list))
    throw new UsageError('augmentations must be a list: [{"name": "rotate", "degrees": 10}, …]');
  for (const [i, record] of list.entries()) {
    if (typeof record !== "object" || record === null || typeof record.name !== "string") {
      throw new UsageError(`augmentation ${i + 1} of the list has no name; known: ${AUGMENTATION_NAMES.join(", ")}`);
    }
    readOptions(entryOf(record.name).rules, record, record.name);
  }
  return list;
}

/** @throws UsageError as {@link checkAugmentations}, and for what does not fit the size of the pictures */
export function buildSteps(list: AugmentationList, workspace: Workspace): readonly Step[] {
  return checkAugmentations(list).map((record) => entryOf(record.name).build(record, workspace));
}

function entryOf(name: string): Entry {
  if (!Object.hasOwn(AUGMENTATIONS, name)) throw unknownName("augmentation", name, AUGMENTATION_NAMES);
  return AUGMENTATIONS[name as AugmentationName];
}
