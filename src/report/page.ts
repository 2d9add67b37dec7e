/** The frame of every page that Ductus writes: one file without script and network, light and dark (style.ts). */
import { VERSION } from "../platform/version.ts";
import { type Content, html, Markup } from "./html.ts";
import { STYLE } from "./style.ts";

export interface PageInput {
  /** What the browser shows as its name. */
  readonly title: string;
  /** Default: the title. */
  readonly heading?: string | undefined;
  readonly subtitle: Content;
  /** CSS of this kind of page alone. */
  readonly style?: string | undefined;
  readonly content: Content;
  /** When, as ISO 8601. */
  readonly created: string;
}

/** The text of a page. */
export function renderPage({ title, heading = title, subtitle, style = "", content, created }: PageInput): string {
  const page = html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>${title}</title><style>${new Markup(STYLE + style)}</style></head>
<body><main><header><h1>${heading}</h1><p>${subtitle}</p></header>
${content}
<footer>Written by ductus ${VERSION}, ${created}.</footer></main></body></html>
`;
  return page.text;
}
