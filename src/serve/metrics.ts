/** Numbers for Prometheus, in its text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/. */
import type { NumberAnswer } from "../read/answers.ts";
import type { Verdict } from "../task/http.ts";
import type { Admission } from "./admission.ts";
import type { Ledger } from "./ledger.ts";
import type { Repository } from "./repository.ts";
import type { ServedModel } from "./served-model.ts";

type Labels = Readonly<Record<string, string>>;

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export class Metrics {
  readonly #requests = new Family("ductus_requests_total", "counter", "Requests answered.");
  readonly #seconds = new Family("ductus_request_duration_seconds", "histogram", "From request to answer.", SECONDS);
  readonly #batches = new Family("ductus_batch_size", "histogram", "Samples that ran together.", BATCHES);
  readonly #answers = new Family("ductus_predictions_total", "counter", "Samples by the likeliest class.");
  readonly #confidence = new Family(
    "ductus_prediction_confidence",
    "summary",
    "Probability of the likeliest answer; its mean falls when what comes in drifts away from what was learned.",
  );

  readonly #refused = new Family("ductus_refused_total", "counter", "Samples less likely than the minimum asked for.");

  readonly #numbers = new Family(
    "ductus_page_numbers_total",
    "counter",
    "Places of pages that were read, by why a person should look at them.",
  );

  /** A request was answered. @param route a pattern, not a path, so that there are few */
  request(route: string, method: string, status: number, seconds: number): void {
    this.#requests.add({ route, method, status: String(status) }, 1);
    this.#seconds.add({ route }, seconds);
  }

  batch(model: string, size: number): void {
    this.#batches.add({ model }, size);
  }

  /** Samples were answered. */
  observe({ name, version }: ServedModel, verdicts: readonly Verdict[]): void {
    for (const { label, probability } of verdicts) {
      // `class` is what `label` was called before.
      if (label !== undefined) this.#answers.add({ model: name, version, label, class: label }, 1);
      this.#confidence.add({ model: name, version }, probability);
    }
  }

  /** The places of a page were read. */
  page({ name, version }: ServedModel, numbers: readonly NumberAnswer[]): void {
    for (const { text, probability, refused = "no" } of numbers) {
      this.#numbers.add({ model: name, version, refused }, 1);
      if (text !== "") this.#confidence.add({ model: name, version }, probability);
    }
  }

  /** So many samples were less likely than the minimum that was asked for. */
  refused({ name, version }: ServedModel, count: number): void {
    this.#refused.add({ model: name, version }, count);
  }

  /** All of them as text. */
  print(repository: Repository, admission: Admission): string {
    const queue = new Family("ductus_queue_samples", "gauge", "Samples that wait.");
    const info = new Family("ductus_model_info", "gauge", "Versions in service.");
    for (const { name, version, batcher } of repository.models) {
      queue.add({ model: name }, batcher.queued);
      info.add({ model: name, version }, 1);
    }
    const used = new Family("ductus_memory_bytes", "gauge", "What requests under way hold.");
    const limit = new Family("ductus_memory_limit_bytes", "gauge", "What they may hold.");
    const waiting = new Family("ductus_memory_waiting_requests", "gauge", "Requests that wait for room.");
    const turnedAway = new Family(
      "ductus_memory_refused_total",
      "counter",
      "Requests for which there was no room in time.",
    );
    for (const [use, ledger] of Object.entries(admission as Readonly<Record<keyof Admission, Ledger>>)) {
      used.add({ use }, ledger.used);
      limit.add({ use }, ledger.total);
      waiting.add({ use }, ledger.waiting);
      turnedAway.add({ use }, ledger.refused);
    }
    const memory = [used, limit, waiting, turnedAway];
    const answers = [this.#answers, this.#confidence, this.#refused, this.#numbers];
    const all = [this.#requests, this.#seconds, this.#batches, ...answers, queue, ...memory, info];
    return `${all.map((family) => family.print()).join("\n")}\n`;
  }
}

interface Series {
  readonly by: Labels;
  sum: number;
  count: number;
  /** Values by the first bound that they do not exceed. */
  readonly upTo: number[];
}

/** One metric with its label sets. */
class Family {
  readonly #name: string;
  readonly #type: "counter" | "gauge" | "histogram" | "summary";
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(name: string, type: "counter" | "gauge" | "histogram" | "summary", help: string, bounds: number[] = []) {
    this.#name = name;
    this.#type = type;
    this.#help = help;
    this.#bounds = bounds;
  }

  /** Adds to a counter or gauge, or a value to a histogram or summary. */
  add(by: Labels, value: number): void {
    const key = JSON.stringify(by);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { by, sum: 0, count: 0, upTo: this.#bounds.map(() => 0) };
      this.#series.set(key, series);
    }
    series.sum += value;
    series.count++;
    const bound = this.#bounds.findIndex((most) => value <= most);
    if (bound >= 0) series.upTo[bound]++;
  }

  print(): string {
    const name = this.#name;
    const lines = [`# HELP ${name} ${this.#help}`, `# TYPE ${name} ${this.#type}`];
    for (const { by, sum, count, upTo } of this.#series.values()) {
      if (this.#type === "histogram") {
        let below = 0;
        for (const [i, bound] of this.#bounds.entries()) {
          below += upTo[i];
          lines.push(`${name}_bucket${braced({ ...by, le: String(bound) })} ${below}`);
        }
        lines.push(`${name}_bucket${braced({ ...by, le: "+Inf" })} ${count}`);
      }
      if (this.#type === "histogram" || this.#type === "summary") {
        lines.push(`${name}_sum${braced(by)} ${sum}`, `${name}_count${braced(by)} ${count}`);
      } else lines.push(`${name}${braced(by)} ${sum}`);
    }
    return lines.join("\n");
  }
}

function braced(by: Labels): string {
  const escaped = (text: string): string => text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/"/g, '\\"');
  return `{${Object.entries(by)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",")}}`;
}
