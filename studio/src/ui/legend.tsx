/** What the colors of curves and figures mean, wherever they are: style/tokens.css has them under the same names. */
import { texts } from "../i18n/i18n.ts";

/** `steps`: the loss of single training steps, as a thin line behind. */
export type SeriesName = "training" | "validation" | "test" | "steps";

export function Legend({ names }: { readonly names: readonly SeriesName[] }) {
  const t = texts.value.train;
  return (
    <ul class="legend">
      {names.map((name) => (
        <li key={name}>
          <i class={`line ${name}`} aria-hidden="true" />
          {name === "steps" ? t.series.steps : t.of[name]}
        </li>
      ))}
    </ul>
  );
}
