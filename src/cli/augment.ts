/** `--augment`, as `train` and `data inspect` take it: a preset, or a file with a list of one's own. */
import { Option } from "commander";
import { checkAugmentations } from "../augment/augmentations.ts";
import { type AugmentOption, PRESET_NAMES, type PresetName } from "../augment/presets.ts";
import { DataError, TooLargeError, unknownName } from "../engine/errors.ts";
import { parseStrictJson } from "../formats/text.ts";
import { readFileChecked } from "../platform/node/atomic.ts";

export function augmentOption(): Option {
  return new Option("--augment <preset|file.json>", `${PRESET_NAMES.join(", ")}, or a JSON list of one's own`);
}

/**
 * What the option says; "none" when it is not given.
 * @throws UsageError for an unknown preset or a wrong list  @throws DuctusError when the file cannot be read
 */
export async function readAugmentOption(text: string = "none"): Promise<AugmentOption> {
  if (PRESET_NAMES.includes(text as PresetName)) return text as PresetName;
  if (!/[\\/.]/.test(text)) throw unknownName("augmentation preset", text, PRESET_NAMES);
  const bytes = await readFileChecked(text);
  let list: unknown;
  try {
    list = parseStrictJson(new TextDecoder().decode(bytes), text);
  } catch (cause) {
    if (cause instanceof TooLargeError) throw cause;
    throw new DataError(`${text}: not a JSON file; expected a list like [{"name": "rotate", "degrees": 10}]`, {
      cause,
    });
  }
  return checkAugmentations(list);
}
