/** A page about a page: the picture with what was read laid over it, and a table of the answers. `ductus read --out`. */
import { type Gray, grayCopy } from "../page/gray.ts";
import type { Picture } from "../picture/picture.ts";
import { boxAround, isLeftAlone, type NumberAnswer, type PageAnswer, placeOf } from "../read/answers.ts";
import { percent } from "../task/text.ts";
import { type Content, html, htmlTable, type Markup } from "./html.ts";
import { renderPage } from "./page.ts";
import { image } from "./pictures.ts";

/** A page that was read. */
export interface ReadPage {
  /** Of the picture, for people. */
  readonly name: string;
  readonly answer: PageAnswer;
  /** What is shown of the picture; undefined where nothing is. */
  readonly preview?: Gray | undefined;
}

/** The longer side of a preview, in pixels. */
const LONGEST = 1600;

/** What a page shows of a picture. */
export const previewOf = (picture: Picture): Gray => grayCopy(picture, LONGEST);

const LOOK = `
.sheet { position: relative; margin: 0 0 14px; }
.sheet img { display: block; width: 100%; height: auto; border-radius: 6px; }
.sheet svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.sheet polygon { fill: none; stroke: var(--one); stroke-width: 2; vector-effect: non-scaling-stroke; }
.sheet .refused polygon { stroke: var(--two); stroke-dasharray: 6 4; }
.sheet text { fill: #1d4f91; paint-order: stroke; stroke: #fff; stroke-width: 0.25em; font-weight: 700; font-family: system-ui, sans-serif; }
.sheet .refused text { fill: #b3470f; }
`;

/** @param created when, as ISO 8601 */
export async function renderReading(pages: readonly ReadPage[], model: string, created: string): Promise<string> {
  const sections = await Promise.all(pages.map(section));
  const numbers = pages.flatMap(({ answer }) => answer.numbers.filter((number) => !isLeftAlone(number)));
  const refused = numbers.filter((number) => number.refused !== undefined).length;
  return renderPage({
    title: pages.length === 1 ? `${pages[0].name}: what was read` : "What was read",
    subtitle: `${numbers.length} places, ${refused} of them for a person to look at; read with ${model}.`,
    style: LOOK,
    content: sections,
    created,
  });
}

async function section({ name, preview, answer }: ReadPage): Promise<Markup> {
  const shown = preview === undefined ? undefined : await image({ ...preview, channels: 1 }, name, "page");
  const problem = answer.problem === undefined ? undefined : html`<p class="warning">${answer.problem}</p>`;
  return html`<section><h2>${name}</h2>${problem}
<div class="sheet">${shown}<svg viewBox="0 0 ${answer.width} ${answer.height}" role="img" aria-label="what was read, over the picture">${answer.numbers
    .filter((number) => number.refused !== "nothing there" && !isLeftAlone(number))
    .map(overlay)}</svg></div>
${htmlTable(
  ["where", "text", "probability", "otherwise", "for a person"],
  answer.numbers.flatMap((number, i) =>
    isLeftAlone(number) ? [] : [[placeOf(number, i), number.text, ...restOf(number)]],
  ),
)}</section>`;
}

const restOf = ({ probability, alternatives, refused }: NumberAnswer): Content[] => [
  percent(probability),
  alternatives
    .slice(0, 2)
    .map(({ text, probability }) => `${text === "" ? "nothing" : text} ${percent(probability)}`)
    .join(", "),
  refused ?? "",
];

function overlay({ quad, text, probability, refused }: NumberAnswer): Markup {
  const [left, top, , height] = boxAround(quad);
  const size = Math.max(8, height * 0.5);
  const corners = quad.map(({ x, y }) => `${Math.round(x)},${Math.round(y)}`).join(" ");
  const label = refused === undefined ? text : `${text} (${refused})`;
  return html`<g class="${refused === undefined ? "" : "refused"}"><title>${text} ${percent(probability)}${refused === undefined ? "" : `, ${refused}`}</title><polygon points="${corners}"/><text x="${left}" y="${Math.max(size, top - 0.15 * size)}" font-size="${Math.round(size)}">${label}</text></g>`;
}
