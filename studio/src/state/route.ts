/** Which view is shown: the part of the address after the hash, so that any server of static files will do. */
import { signal } from "@preact/signals";
import { dismiss } from "./notices.ts";

export const VIEWS = ["draw", "pages", "train", "make", "runs"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  readonly view: View;
  /** What of the view: "#/make/ID", "#/pages/review". */
  readonly id?: string | undefined;
}

const parse = (): Route => {
  const [view, id] = location.hash.replace(/^#\//, "").split("/");
  return { view: VIEWS.find((each) => each === view) ?? "draw", ...(id !== undefined && id !== "" && { id }) };
};

export const route = signal<Route>(parse());
export const address = (view: View, id?: string): string => `#/${view}${id === undefined ? "" : `/${id}`}`;

/** Shows a view; what is said to it is said after that, as a view begins without notices. */
export function go(view: View, id?: string): Promise<void> {
  const target = address(view, id);
  if (location.hash === target) return Promise.resolve();
  return new Promise((resolve) => {
    addEventListener("hashchange", () => resolve(), { once: true });
    location.hash = target;
  });
}

addEventListener("hashchange", () => {
  dismiss();
  route.value = parse();
});
