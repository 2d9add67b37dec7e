/** What was read on a page, as lists and grids: each place is a button, and arrow keys go from one to the other. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { PageNumber } from "../engine/protocol.ts";
import { whole } from "../i18n/i18n.ts";
import { pageTexts } from "../i18n/pages.ts";
import { type StoredPage, standingOf, textAt } from "../state/pages.ts";
import { howRead, placeName } from "./pages-decide.tsx";

interface AnswersProps {
  readonly sheet: StoredPage;
  readonly numbers: readonly PageNumber[];
  readonly selected: number | undefined;
  /** @param goesOn to the field where it is corrected */
  onSelect(index: number, goesOn: boolean): void;
}

/** Numbers that stand one below the other, or the cells of a grid. */
type Block =
  | { readonly kind: "list"; readonly indices: readonly number[] }
  | { readonly kind: "grid"; readonly grid: number; readonly rows: readonly (readonly (number | undefined)[])[] };

export function Answers({ sheet, numbers, selected, onSelect }: AnswersProps) {
  const t = pageTexts.value;
  const all = useRef<HTMLElement>(null);
  const blocks = blocksOf(numbers);
  // One of them is reached by the Tab key, the others by arrows.
  const reached = selected ?? blocks.map(firstOf).find((index) => index !== undefined);
  useEffect(() => {
    all.current?.querySelector(`[data-index="${selected}"]`)?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const step = (to: number | undefined): void => {
    if (to === undefined || numbers[to] === undefined) return;
    onSelect(to, false);
    all.current?.querySelector<HTMLElement>(`[data-index="${to}"]`)?.focus();
  };
  const props = { sheet, numbers, selected, reached, step, onSelect };
  return (
    <section ref={all} class="answers" aria-label={t.answers}>
      {blocks.map((block) =>
        block.kind === "list" ? (
          <List key={`list-${block.indices[0]}`} {...props} indices={block.indices} />
        ) : (
          <Grid key={`grid-${block.grid}`} {...props} grid={block.grid} rows={block.rows} />
        ),
      )}
    </section>
  );
}

interface BlockProps extends AnswersProps {
  readonly reached: number | undefined;
  step(to: number | undefined): void;
}

function List({ indices, ...props }: BlockProps & { readonly indices: readonly number[] }) {
  const { sheet, numbers, step } = props;
  return (
    <ol class="answer-list">
      {indices.map((index, i) => (
        <li key={index} class={standingOf(sheet, index)}>
          <PlaceButton
            {...props}
            index={index}
            onArrow={{ ArrowUp: () => step(indices[i - 1]), ArrowDown: () => step(indices[i + 1]) }}
          >
            <span class="soft where">{placeName(numbers[index], index)}</span>
            <b>{textAt(sheet, index) || pageTexts.value.empty}</b>
            <span class="soft how">{howRead(sheet, index)}</span>
          </PlaceButton>
        </li>
      ))}
    </ol>
  );
}

interface GridProps extends BlockProps {
  readonly grid: number;
  readonly rows: readonly (readonly (number | undefined)[])[];
}

function Grid({ grid, rows, ...props }: GridProps) {
  const t = pageTexts.value;
  const { sheet, numbers, step } = props;
  return (
    <div class="scroll">
      <table class="answer-grid" aria-label={t.grid(whole(grid + 1))}>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((index, column) => (
                <td key={column} class={index === undefined ? "" : standingOf(sheet, index)}>
                  {index !== undefined && (
                    <PlaceButton
                      {...props}
                      index={index}
                      label={t.says(
                        placeName(numbers[index], index),
                        textAt(sheet, index) || t.empty,
                        howRead(sheet, index),
                      )}
                      onArrow={{
                        ArrowUp: () => step(rows[row - 1]?.[column]),
                        ArrowDown: () => step(rows[row + 1]?.[column]),
                        ArrowLeft: () => step(cells[column - 1]),
                        ArrowRight: () => step(cells[column + 1]),
                      }}
                    >
                      <b>{textAt(sheet, index)}</b>
                    </PlaceButton>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface PlaceButtonProps extends BlockProps {
  readonly index: number;
  /** Where its content does not say all of it. */
  readonly label?: string | undefined;
  readonly onArrow: Readonly<Partial<Record<string, () => void>>>;
  readonly children: ComponentChildren;
}

function PlaceButton({ index, label, selected, reached, onArrow, onSelect, children }: PlaceButtonProps) {
  return (
    <button
      type="button"
      class="answer-place"
      data-index={index}
      tabIndex={index === reached ? 0 : -1}
      aria-label={label}
      title={label}
      aria-pressed={index === selected}
      onClick={() => onSelect(index, true)}
      onKeyDown={(event) => {
        const move = onArrow[event.key];
        if (move === undefined) return;
        event.preventDefault();
        move();
      }}
    >
      {children}
    </button>
  );
}

const firstOf = (block: Block): number | undefined =>
  block.kind === "list" ? block.indices[0] : block.rows.flat().find((index) => index !== undefined);

/** Cells stand where they stand in their grid; what lies between grids is listed. Places without anything are only in grids. */
function blocksOf(numbers: readonly PageNumber[]): readonly Block[] {
  const blocks: (Block & { indices?: number[]; rows?: (number | undefined)[][] })[] = [];
  for (const [index, { place, name, refused }] of numbers.entries()) {
    const last = blocks.at(-1);
    if (place === undefined) {
      if (refused === "nothing there" && name === undefined) continue;
      if (last?.kind === "list") last.indices?.push(index);
      else blocks.push({ kind: "list", indices: [index] });
      continue;
    }
    let block = blocks.find((each) => each.kind === "grid" && each.grid === place.grid);
    if (block === undefined) {
      block = { kind: "grid", grid: place.grid, rows: [] };
      blocks.push(block);
    }
    const rows = block.rows as (number | undefined)[][];
    while (rows.length <= place.row) rows.push([]);
    const cells = rows[place.row];
    while (cells.length <= place.column) cells.push(undefined);
    cells[place.column] = index;
  }
  return blocks;
}
