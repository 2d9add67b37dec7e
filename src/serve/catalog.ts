/** `GET /models` and `GET /models/NAME`: what is in service, as people want to know it. The page at `/` shows it beside the drawing pad. */
import type { Dim } from "../data/port.ts";
import type { InputKind } from "../task/input.ts";
import type { AnyTask, TaskKind } from "../task/task.ts";
import { FORMAT } from "./answer-format.ts";
import type { App, Service } from "./context.ts";
import { takes } from "./intake.ts";
import { readsPages, type ServedModel } from "./served-model.ts";

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
  readonly task: TaskKind;
  /** What its outputs tell apart: classes, symbols, tokens. */
  readonly labels: readonly string[];
  /** Once the name of {@link labels}; of classifiers only. */
  readonly classes?: readonly string[] | undefined;
  readonly input: { readonly kind: InputKind; readonly shape: readonly Dim[] } & ReturnType<typeof takes>;
  /** Addresses of its own. */
  readonly routes: readonly string[];
  /** Absent where the network is of a kind without a name, and in exported modules, which do not keep it. */
  readonly architecture?: string | undefined;
  readonly dataset?: string | undefined;
  readonly measured?: Measured | undefined;
}

export function addCatalog(app: App, { repository, minProbability }: Service): void {
  app.get("/models", (c) =>
    c.json({ format: FORMAT, models: repository.models.map(entryOf), min_probability: minProbability }),
  );
  app.get("/models/:model", (c) => c.json({ format: FORMAT, ...entryOf(repository.find(c.req.param("model"))) }));
}

/** The labels of a model, under the name that they had before as well where it classifies. */
export function labelsOf({ names, kind }: AnyTask): Pick<Entry, "labels" | "classes"> {
  return { labels: names, ...OLD_NAMES[kind](names) };
}

const OLD_NAMES: Readonly<Record<TaskKind, (names: readonly string[]) => Pick<Entry, "classes">>> = {
  classify: (classes) => ({ classes }),
  transcribe: () => ({}),
  generate: () => ({}),
};

function entryOf(served: ServedModel): Entry {
  const { name, version, model, task, http, intake } = served;
  const { architecture, dataset, metrics } = model;
  const own = ["predict", ...(http.next === undefined ? [] : ["generate"]), ...(readsPages(served) ? ["read"] : [])];
  return {
    name,
    version,
    task: task.kind,
    ...labelsOf(task),
    input: { kind: intake.kind, shape: intake.ports.x.shape, ...takes(intake.ranges.x) },
    routes: own.map((route) => `/models/${encodeURIComponent(name)}/${route}`),
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
