/** Measuring a classifier: every output is kept, and all that can be said of them is worked out when it is asked for. */

import type { Dataset } from "../../data/dataset.ts";
import { DataError } from "../../engine/errors.ts";
import { quote } from "../../engine/quote.ts";
import { listed } from "../text.ts";
import type { TaskViews } from "../views.ts";
import { type Classify, hasClasses, type Ranked } from "./classify.ts";
import { Evaluation } from "./evaluation.ts";
import { loadNovelty } from "./novelty-of.ts";
import { Predictions } from "./predictions.ts";

/** @throws DataError where a class has another number in the data set than in the model: all of its samples would count as wrong */
function refuseOtherOrder(classes: readonly string[], { name, classes: theirs = [] }: Dataset): void {
  const index = theirs.findIndex((own, i) => own !== classes[i] && classes.includes(own));
  if (index < 0) return;
  throw new DataError(
    `${name}: ${quote(theirs[index])} is class ${index} but the model's class ${classes.indexOf(theirs[index])}; give the data set the model's classes in their order`,
  );
}

export const views: TaskViews = {
  measure: async ({ task, temperature }, dataset) => {
    const { classes } = task as Classify;
    const novelty = await loadNovelty(task);
    const isCounted = hasClasses(dataset);
    refuseOtherOrder(classes, dataset);
    const logits = new Float32Array(isCounted ? dataset.length * classes.length : 0);
    const labels = new Int32Array(isCounted ? dataset.length : 0);
    const strange = novelty === undefined ? undefined : new Uint8Array(dataset.length);
    let done = 0;
    return {
      add: ({ count, inputs, outputs }) => {
        if (isCounted) {
          logits.set(outputs.logits, done * classes.length);
          labels.set(inputs.y.subarray(0, count), done);
        }
        for (let i = 0; i < count && strange !== undefined && novelty !== undefined; i++) {
          if (novelty.noClassOf(task.input.ports.x, inputs.x, i) !== undefined) strange[done + i] = 1;
        }
        done += count;
      },
      finish: (fields) => {
        const predictions = isCounted ? new Predictions({ classes, temperature }, logits, labels) : undefined;
        return new Evaluation({ ...fields, predictions, strange, novelty: novelty?.record });
      },
    };
  },
  facts: ({ classes }: Classify) => ["classes", listed(classes)],
  plain: ({ classes }: Classify) => ({ classes }),
  ranking: ({ ranking }: Ranked) => ranking,
};
