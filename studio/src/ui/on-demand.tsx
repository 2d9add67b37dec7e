/** A view whose code is fetched when it is first shown, so that the others do not load it. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { fail } from "../state/notices.ts";

/** @param load asked again when it failed and the view is shown anew */
export function onDemand(load: () => Promise<ComponentType>): ComponentType {
  const loaded = signal<ComponentType | undefined>(undefined);
  return function OnDemand() {
    useEffect(() => {
      if (loaded.value !== undefined) return;
      load().then((View) => {
        loaded.value = View;
      }, fail);
    }, []);
    const View = loaded.value;
    return View === undefined ? null : <View />;
  };
}
