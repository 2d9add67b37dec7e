/** Whether the window is as narrow as a phone's: where a table becomes cards. The style sheets have the same width. */
import { signal } from "@preact/signals";

const query = matchMedia("(max-width: 46rem)");
export const isNarrow = signal(query.matches);
query.addEventListener("change", ({ matches }) => {
  isNarrow.value = matches;
});
