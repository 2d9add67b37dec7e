/** Data with strings: a model that is fine-tuned on them keeps the symbols that it reads, and learns those that are new to it. */
import type { Dataset } from "../../data/dataset.ts";
import { sameNames } from "../../data/port.ts";
import type { AnyModel, Model } from "../../models/model.ts";
import type { Transcribe } from "../../task/transcribe/transcribe.ts";
import { adaptAlphabet, withOldHead } from "../../train/transfer/transfer.ts";
import type { AdaptedModel } from "./kind.ts";
import { WithoutClasses } from "./without-classes.ts";

/** Symbols that a note lists. */
const LISTED = 20;

export abstract class WithAlphabet extends WithoutClasses {
  protected readonly shared = "the alphabet is";

  override adapt(base: AnyModel, train: Dataset, seed: number): AdaptedModel {
    const { alphabet = [] } = train;
    if (this.isKnown(base, train)) return super.adapt(base, train, seed);
    const { model, kept } = adaptAlphabet(base as AnyModel as Model<Transcribe>, alphabet, seed);
    const fresh = alphabet.filter((symbol) => !kept.includes(symbol));
    const words = [
      kept.length === 0
        ? `new: none of the ${alphabet.length} symbols is known to the model`
        : `${kept.length} rows kept`,
      ...(kept.length > 0 && fresh.length > 0 ? [`new ones for ${fresh.slice(0, LISTED).join(" ")}`] : []),
    ];
    return { model: model as AdaptedModel["model"], isNew: fresh.length > 0, head: words.join(", ") };
  }

  override onOld(base: AnyModel, tuned: AnyModel): AnyModel {
    return sameNames(base.task.names, tuned.task.names) ? tuned : withOldHead(base, tuned);
  }

  override isKnown(base: AnyModel, { alphabet = [] }: Dataset): boolean {
    return sameNames(alphabet, base.task.names);
  }
}
