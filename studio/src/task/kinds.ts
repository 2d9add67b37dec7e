/**
 * What the page knows of a model by what it is for: words for what its outputs tell apart, how its answers are listed, and what can be
 * done with it. The lists of kinds of tasks and inputs; what is drawn for each stands in views/draw.tsx and task/results.tsx.
 */
import { EXPORT_FORMATS, type ExportFormat, type ModelCard, type Reads, type TaskKind } from "../engine/protocol.ts";
import { texts } from "../i18n/i18n.ts";

interface Kind {
  /** What its outputs tell apart: a word for a list of facts. */
  named(): string;
  /** The same in a sentence, of names with commas between. */
  knows(list: string): string;
  /** Answers that are shown before anything is read, and keep their order while they are few. */
  choices(card: ModelCard): readonly string[];
  /** Whether its layers and what it looks at can be shown. */
  readonly isOpenInside: boolean;
  /** Formats in which it leaves the page, by what it reads. */
  readonly formats: Readonly<Record<Reads, readonly ExportFormat[]>>;
}

const GENERAL: readonly ExportFormat[] = ["model", "onnx"];
const EVERYWHERE = { numbers: GENERAL, text: GENERAL, line: GENERAL } as const;

const KINDS: Readonly<Record<TaskKind, Kind>> = {
  classify: {
    named: () => texts.value.draw.facts.classes,
    knows: (list) => texts.value.draw.knows(list),
    choices: ({ names }) => names,
    isOpenInside: true,
    formats: { ...EVERYWHERE, numbers: EXPORT_FORMATS },
  },
  transcribe: {
    named: () => texts.value.draw.facts.symbols,
    knows: (list) => texts.value.draw.knowsStrings(list),
    choices: () => [],
    isOpenInside: false,
    formats: { ...EVERYWHERE, line: EXPORT_FORMATS },
  },
  generate: {
    named: () => texts.value.draw.facts.tokens,
    knows: () => "",
    choices: () => [],
    isOpenInside: false,
    formats: EVERYWHERE,
  },
};

/** What older versions kept are classifiers of pictures. */
export const taskOf = ({ task = "classify" }: Pick<ModelCard, "task">): TaskKind => task;
export const readsOf = ({ reads = "numbers" }: Pick<ModelCard, "reads">): Reads => reads;
export const kindOf = (card: Pick<ModelCard, "task">): Kind => KINDS[taskOf(card)];
export const formatsOf = (card: Pick<ModelCard, "task" | "reads">): readonly ExportFormat[] =>
  kindOf(card).formats[readsOf(card)];
