/** Lists of augmentations by name. Lengths in pixels follow the size of the pictures; the numbers are for 28×28, and lines 28 high. */
import { lineRows, type Ports, pictureSize } from "../data/port.ts";
import { unknownName } from "../engine/errors.ts";
import { checkAugmentations } from "./augmentations.ts";
import type { AugmentationList } from "./records.ts";

/** A preset for pictures whose shorter side is `scale` times 28 pixels. */
type Preset = (scale: number) => AugmentationList;

/** Simard's strength where alpha is the standard deviation of the displacements in pixels, not a factor. */
const simard = (deviation: number, sigma: number): number => deviation * 2 * sigma * Math.sqrt(3 * Math.PI);

/** What another hand, pen or sheet of paper does to a character, without making it another one. */
function handwriting(degrees: number, slant: number, scale: number): AugmentationList {
  const sigma = 4 * scale;
  return [
    { name: "rotate", degrees },
    { name: "shear", x: slant },
    { name: "zoom", scale: [0.88, 1.1], aspect: [0.87, 1.15] },
    { name: "shift", x: 0.06, y: 0.06 },
    { name: "elastic", alpha: [0, simard(1.1 * scale, sigma)], sigma },
    { name: "stroke", radius: [-0.3 * scale, 0.7 * scale], p: 0.4 },
  ];
}

const PRESETS = {
  none: () => [],
  digits: (scale) => handwriting(12, 12, scale),
  // Less than for digits: many letters differ by their slant alone, and a small n is a u upside down.
  letters: (scale) => handwriting(8, 10, scale),
  // Another slant, width and pen. Ink is always brought to one height, so that differs little.
  lines: (scale) => [
    { name: "shear", x: 12 },
    { name: "zoom", scale: [0.92, 1.06], aspect: [0.85, 1.2] },
    { name: "shift", y: 0.04 },
    { name: "stroke", radius: [-0.3 * scale, 0.7 * scale], p: 0.4 },
    { name: "blur", sigma: [0.2 * scale, 0.6 * scale], p: 0.2 },
    { name: "noise", std: [0, 0.06], p: 0.2 },
  ],
  photos: (scale) => [
    { name: "flip" },
    { name: "rotate", degrees: 6 },
    { name: "zoom", scale: [0.9, 1.15], aspect: [0.9, 1.1] },
    { name: "crop", padding: Math.max(1, Math.round(3 * scale)) },
    { name: "brightness", amount: 0.15 },
    { name: "contrast", factor: [0.75, 1.3] },
    { name: "erase", area: [0.02, 0.15], p: 0.25 },
  ],
} as const satisfies Readonly<Record<string, Preset>>;

/** The name of a list of augmentations. */
export type PresetName = keyof typeof PRESETS;

/** The names that {@link resolveAugmentations} knows. */
export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];

/** A preset by name, or one's own list. */
export type AugmentOption = PresetName | AugmentationList;

/** The size by which a list for such samples is made; any, where they are neither pictures nor lines. */
export function augmentedSize(ports: Ports): readonly number[] {
  const rows = lineRows(ports);
  return pictureSize(ports) ?? (rows === undefined ? [1, 1] : [rows, rows]);
}

/**
 * The list behind an option, for pictures [height, width, …]; of lines their height, twice.
 * @throws UsageError for an unknown name, and for a list that is wrong
 */
export function resolveAugmentations(
  option: string | AugmentationList,
  inputShape: readonly number[],
): AugmentationList {
  if (typeof option !== "string") return checkAugmentations(option);
  if (!Object.hasOwn(PRESETS, option)) throw unknownName("augmentation preset", option, PRESET_NAMES);
  const [height, width] = inputShape;
  return PRESETS[option as PresetName](Math.min(height, width) / 28);
}
