/** Reading a text along while it is typed: the answer to the newest text, never more than one reading on its way. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { reader } from "../engine/client.ts";
import { type ModelEntry, withModel } from "./models.ts";
import { messageOf } from "./notices.ts";
import type { ReadingState } from "./reading.ts";

export function useTextReading(text: string, entry: ModelEntry): ReadonlySignal<ReadingState> {
  const state = useMemo(() => signal<ReadingState>({ status: "loading" }), []);
  useEffect(() => {
    let isOver = false;
    const read = withModel(entry, async (card): Promise<ReadingState | undefined> => {
      // A newer text has taken its place while this one waited.
      if (isOver) return undefined;
      const answer = text === "" ? undefined : await reader.readText(text);
      return answer === undefined ? { status: "empty", card } : { status: "read", card, answer };
    }).catch((error): ReadingState => ({ status: "failed", card: state.value.card, error: messageOf(error) }));
    void read.then((next) => {
      if (next !== undefined && !isOver) state.value = next;
    });
    return () => {
      isOver = true;
    };
  }, [text, entry.id]);
  return state;
}
