/** Markup from template literals: what is put in is escaped, unless it is markup itself. */

/** Text that is HTML already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What a template may hold; nothing is written for undefined. */
export type Content = Markup | string | number | undefined | readonly Content[];

/** `` html`<p>${text}</p>` `` */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.reduce((text, part, i) => text + render(values[i - 1]) + part));
}

function render(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "object") return content.map(render).join("");
  return String(content).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A table with a head; the cells of all columns but the first are numbers and stand to the right. */
export function htmlTable(head: readonly string[], rows: readonly (readonly Content[])[]): Markup {
  return html`<div class="scroll"><table><thead><tr>${head.map((name) => html`<th>${name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** A drawing or pictures with words below. */
export function figure(title: string, body: Content, caption?: Content): Markup {
  return html`<figure><h3>${title}</h3>${body}${caption === undefined ? undefined : html`<figcaption>${caption}</figcaption>`}</figure>`;
}
