/** What a run found, as a file. */
import { writeFileAtomic } from "../../dist/platform/node/atomic.js";

/** Writes everything that was measured. */
export async function writeReport(path, results) {
  await writeFileAtomic(path, `${JSON.stringify(results, null, 2)}\n`);
}
