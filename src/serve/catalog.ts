/** `GET /models`: what is in service, as people want to know it. The page at `/` shows it beside the drawing pad. */
import type { Shape } from "../engine/shape.ts";
import type { App, Service } from "./context.ts";
import { takes } from "./samples.ts";
import type { ServedModel } from "./served-model.ts";

/** How well a model did when it was trained. */
interface Measured {
  /** Share of pictures read rightly, 0 … 1. */
  readonly accuracy: number;
  /** The part of its data set that it was measured on. */
  readonly part: "test" | "validation";
  /** Pictures in that part, where the file says so. */
  readonly samples?: number | undefined;
}

interface Entry {
  readonly name: string;
  readonly version: string;
  readonly classes: readonly string[];
  readonly input: { readonly shape: Shape } & ReturnType<typeof takes>;
  /** Absent where the network is of a kind without a name, and in exported modules, which do not keep it. */
  readonly architecture?: string | undefined;
  readonly dataset?: string | undefined;
  readonly measured?: Measured | undefined;
}

export function addCatalog(app: App, { repository, minProbability }: Service): void {
  app.get("/models", (c) => c.json({ models: repository.models.map(entryOf), min_probability: minProbability }));
}

function entryOf({ name, version, model }: ServedModel): Entry {
  const { classes, inputShape, architecture, dataset, metrics } = model;
  return {
    name,
    version,
    classes,
    input: { shape: inputShape, ...takes(model) },
    architecture: architecture?.name,
    // What model files say of a model that was not trained on a data set with a name.
    dataset: dataset?.name === "none" ? undefined : dataset?.name,
    measured: measuredIn(metrics),
  };
}

/** A model file may say anything about itself, or nothing. */
function measuredIn(metrics: Readonly<Record<string, unknown>> = {}): Measured | undefined {
  for (const part of ["test", "validation"] as const) {
    const score = metrics[part];
    if (typeof score !== "object" || score === null) continue;
    const { accuracy, samples } = score as Readonly<Record<string, unknown>>;
    if (typeof accuracy === "number") {
      return { accuracy, part, samples: typeof samples === "number" ? samples : undefined };
    }
  }
  return undefined;
}
