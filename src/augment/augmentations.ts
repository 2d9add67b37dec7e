/**
 * All augmentations: how lists of them are checked, and how a record becomes a function that changes pictures of one size. What
 * options each takes says record-rules.ts; what becomes of lines of writing, line-changes.ts.
 */
import { UsageError, unknownName } from "../engine/errors.ts";
import type { Random } from "../engine/random.ts";
import { elastic } from "./elastic.ts";
import { cutmix, type Mix, mixup } from "./mixes.ts";
import { crop, flip, type Move, perspective, rotate, shear, shift, zoom } from "./moves.ts";
import { RECORD_RULES, type RecordOptions } from "./record-rules.ts";
import type { Augmentation, AugmentationList, AugmentationName } from "./records.ts";
import { type Rules, readOptions } from "./rules.ts";
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

/** Makes a checked record's function, for the pictures of a workspace. */
type Build<N extends AugmentationName> = (
  options: RecordOptions<N>,
  workspace: Workspace,
) => Effect & { begin?: ((random: Random) => void) | undefined };

const move = (made: Move): Effect => ({ kind: "move", move: made });
const touch = (made: Touch): Effect => ({ kind: "touch", touch: made });

const AUGMENTATIONS: { readonly [N in AugmentationName]: Build<N> } = {
  rotate: ({ degrees }) => move(rotate(degrees)),
  flip: ({ axis }) => move(flip(axis)),
  zoom: ({ scale, aspect }) => move(zoom(scale, aspect)),
  shift: ({ x, y }, { frame }) => move(shift(x, y, frame)),
  shear: ({ x, y }) => move(shear(x, y)),
  perspective: ({ distortion }, { frame }) => move(perspective(distortion, frame)),
  crop: ({ padding }) => move(crop(padding)),
  elastic: ({ alpha, sigma }, workspace) => {
    const most = workspace.fields[0].side / 8;
    if (sigma > most) {
      const { width, height } = workspace.frame;
      throw new UsageError(
        `augmentation elastic: sigma is ${sigma} but at most ${most} for pictures of ${width}×${height}`,
      );
    }
    return { kind: "move", ...elastic(alpha, sigma, workspace) };
  },
  stroke: ({ radius }, workspace) => ({ kind: "stroke", stroke: stroke(radius, workspace) }),
  blur: ({ sigma }, workspace) => touch(blur(sigma, workspace)),
  brightness: ({ amount }, workspace) => touch(brightness(amount, workspace)),
  contrast: ({ factor }, workspace) => touch(contrast(factor, workspace)),
  noise: ({ std }, workspace) => ({ kind: "touch", ...noise(std, workspace) }),
  erase: ({ area, ratio, fill }, workspace) => touch(erase(area, ratio, fill, workspace)),
  mixup: ({ alpha }, { size }) => ({ kind: "mix", mix: mixup(alpha, size) }),
  cutmix: ({ alpha }, { frame }) => ({ kind: "mix", mix: cutmix(alpha, frame) }),
};

/** The names that a record may have. */
export const AUGMENTATION_NAMES = Object.keys(RECORD_RULES) as readonly AugmentationName[];

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
    optionsOf(record);
  }
  return list;
}

/** @throws UsageError as {@link checkAugmentations}, and for what does not fit the size of the pictures */
export function buildSteps(list: AugmentationList, workspace: Workspace): readonly Step[] {
  return checkAugmentations(list).map((record) => {
    const options = optionsOf(record);
    const build = AUGMENTATIONS[record.name] as Build<AugmentationName>;
    return { ...build(options as never, workspace), p: options.p };
  });
}

/** The options of a record. @throws UsageError for an unknown name or option, a missing one, and a value out of range */
export function optionsOf<N extends AugmentationName>(record: Augmentation & { readonly name: N }): RecordOptions<N> {
  const { name } = record;
  if (!Object.hasOwn(RECORD_RULES, name)) throw unknownName("augmentation", name, AUGMENTATION_NAMES);
  return readOptions(RECORD_RULES[name] as Rules, record, name) as unknown as RecordOptions<N>;
}
