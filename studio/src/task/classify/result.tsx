/** What a test says of a classifier beside its figures: what was taken for what, and the worst errors. */
import type { Measured } from "../../engine/protocol.ts";
import { texts, whole } from "../../i18n/i18n.ts";
import { wrongOf } from "../../state/job.ts";
import { MatrixTable } from "./matrix.tsx";
import { MistakeStrip } from "./mistakes.tsx";

export function ClassifyResult({ measured }: { readonly measured: Measured }) {
  const t = texts.value.train;
  return (
    <div class="result">
      {measured.matrix !== undefined && (
        <section aria-label={t.matrix}>
          <h2>{t.matrix}</h2>
          <MatrixTable matrix={measured.matrix} />
        </section>
      )}
      <section aria-label={t.mistakesTest}>
        <h2>{t.mistakesTest}</h2>
        <p class="soft">{t.wrong(whole(wrongOf(measured)), whole(measured.samples))}</p>
        <MistakeStrip mistakes={measured.mistakes} />
      </section>
    </div>
  );
}
