// A loss, a metric and a callback of one's own. The loss is a function of tensors, traced once and compiled together with
// its gradient; metric and callback are plain objects.
//
//     npm run build && node examples/own-loss-metric-callback.mjs
import { data, evaluate, fit, models, ops } from "ductus";

/** Focal loss (Lin et al., arXiv 1708.02002), γ = 2: samples that are recognized already weigh little. */
const focalLoss = (logits, targets) => {
  const losses = ops.crossEntropy(logits, targets, { reduction: "none" }); // [B]
  const miss = ops.sub(1, losses.neg().exp()); // 1 − p of the true class
  return ops.mean(ops.mul(ops.mul(miss, miss), losses));
};

/** Mean lead of the true class over the best of the others. */
const margin = {
  name: "mean margin",
  start: () => {
    let sum = 0;
    let total = 0;
    return {
      add: ({ count, logits, width, targets }) => {
        for (let i = 0; i < count; i++) {
          const row = logits.subarray(i * width, (i + 1) * width);
          const others = row.filter((_, k) => k !== targets[i]);
          sum += row[targets[i]] - Math.max(...others);
        }
        total += count;
      },
      value: () => sum / total,
    };
  },
};

/** Prints each epoch, and stops when the validation accuracy is good enough. */
const untilGood = {
  onEpoch: ({ epoch, trainingLoss, validation, stop }) => {
    console.log(`epoch ${epoch}: training loss ${trainingLoss.toFixed(4)}, accuracy ${validation.accuracy.toFixed(4)}`);
    if (validation.accuracy > 0.93) stop("good enough");
  },
};

const { train, test } = await data.mnist();
// A part of the digits, so that the example is quick.
const run = await fit(models.create("mlp"), data.sample(train, 3000), {
  epochs: 20,
  validation: 0.2,
  loss: focalLoss,
  metrics: [margin],
  callbacks: [untilGood],
});
console.log(`${run.ended}: ${run.reason}`);
console.log(await evaluate(run.model, test, { loss: focalLoss, metrics: [margin] }));
