/** Keeps training and testing apart: a test split is neither trained on nor chosen by. For samples that occur twice see overlap.ts. */

import { UsageError } from "../engine/errors.ts";
import type { Dataset } from "./dataset.ts";

/**
 * @throws UsageError when the data to train on, or those by which weights are chosen, are the test split of a data set
 */
export function refuseTestSplit(dataset: Dataset, validation: Dataset | undefined): void {
  if (dataset.split === "test") {
    throw new UsageError(
      `${dataset.name}: this is its test split; a model trained on it can no longer be tested. Train on the training split`,
    );
  }
  if (validation?.split === "test") {
    throw new UsageError(
      (option) =>
        `${validation.name}: validation on its test split would choose weights by the test; put a part of the training data aside instead (${option("validation")} 0.1)`,
    );
  }
}
