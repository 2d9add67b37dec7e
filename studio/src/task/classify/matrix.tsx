/** A confusion matrix as the table that it is: right answers in green, errors in red, darker for more. */
import type { Matrix } from "../../engine/protocol.ts";
import { texts, whole } from "../../i18n/i18n.ts";

/** Classes that a phone shows side by side; with more, the table scrolls. */
const FITTING = 12;

export function MatrixTable({ matrix }: { readonly matrix: Matrix }) {
  const t = texts.value.matrix;
  const { classes, counts } = matrix;
  const mostWrong = Math.max(1, ...counts.flatMap((row, i) => row.filter((_, j) => i !== j)));
  return (
    <div class="scroll">
      <p class="soft">{t.caption}</p>
      <table class={classes.length > FITTING ? "matrix many" : "matrix"} aria-label={t.caption}>
        <thead>
          <tr>
            <td />
            {classes.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, i) => {
            const most = Math.max(1, row[i]);
            return (
              <tr key={classes[i]}>
                <th scope="row">{classes[i]}</th>
                {row.map((count, j) => (
                  <td
                    key={classes[j]}
                    class={i === j ? "right" : count > 0 ? "wrong" : "none"}
                    style={{
                      "--part": i === j ? count / Math.max(1, sum(row)) : count / Math.max(most * 0.05, mostWrong),
                    }}
                    title={t.cell(whole(count), classes[i], classes[j])}
                  >
                    {count === 0 ? <span class="soft">·</span> : whole(count)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const sum = (row: readonly number[]): number => row.reduce((total, count) => total + count, 0);
