/** Measuring a classifier: every output is kept, and all that can be said of them is worked out when it is asked for. */

import { listed } from "../text.ts";
import type { TaskViews } from "../views.ts";
import { type Classify, hasClasses, type Ranked } from "./classify.ts";
import { Evaluation } from "./evaluation.ts";
import { Predictions } from "./predictions.ts";

export const views: TaskViews = {
  measure: ({ task, temperature }, dataset) => {
    const { classes } = task as Classify;
    const isCounted = hasClasses(dataset);
    const logits = new Float32Array(isCounted ? dataset.length * classes.length : 0);
    const labels = new Int32Array(isCounted ? dataset.length : 0);
    let done = 0;
    return {
      add: ({ count, inputs, outputs }) => {
        if (isCounted) {
          logits.set(outputs.logits, done * classes.length);
          labels.set(inputs.y.subarray(0, count), done);
        }
        done += count;
      },
      finish: (fields) => {
        const predictions = isCounted ? new Predictions({ classes, temperature }, logits, labels) : undefined;
        return new Evaluation({ ...fields, predictions });
      },
    };
  },
  facts: ({ classes }: Classify) => ["classes", listed(classes)],
  plain: ({ classes }: Classify) => ({ classes }),
  ranking: ({ ranking }: Ranked) => ranking,
};
