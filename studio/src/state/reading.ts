/**
 * Reading along: what a model makes of the ink on a pad, again after every change, never more than one reading on its way.
 * The answer comes at once; the inside of the network, which takes longer to find out, when the hand slows down.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { reader } from "../engine/client.ts";
import type { Answer, Explanation, ModelCard } from "../engine/protocol.ts";
import { percent, texts } from "../i18n/i18n.ts";
import type { Ink } from "../ui/ink.ts";
import { type ModelEntry, withModel } from "./models.ts";
import { announce, attempt, messageOf } from "./notices.ts";

export interface ReadingState {
  /** `faint`: there is ink, and too little of it. */
  readonly status: "none" | "loading" | "empty" | "faint" | "read" | "failed";
  readonly card?: ModelCard | undefined;
  readonly answer?: Answer | undefined;
  /** The inside of the network, where the model is open. */
  readonly explanation?: Explanation | undefined;
  readonly error?: string | undefined;
}

/** The inside is shown when nothing has changed for so long. */
const SLOW_MS = 60;
/** An answer is read out when the hand has rested so long. */
const REST_MS = 700;

export function useReading(ink: Ink, entry: ModelEntry | undefined): ReadonlySignal<ReadingState> {
  const state = useMemo(() => signal<ReadingState>({ status: "none" }), []);
  useEffect(() => {
    if (entry === undefined) {
      state.value = { status: "none" };
      return;
    }
    let isOver = false;
    let [isBusy, isStale] = [false, false];
    let rest: ReturnType<typeof setTimeout> | undefined;
    let slow: ReturnType<typeof setTimeout> | undefined;
    state.value = { status: "loading" };

    const readOnce = async (): Promise<void> => {
      const next = await withModel(entry, async (card): Promise<ReadingState> => {
        if (isOver) return { status: "loading" };
        if (ink.isEmpty) return { status: "empty", card };
        const answer = await reader.read(ink.pixels());
        if (answer === undefined) return { status: "faint", card };
        // The inside of a moment ago stays until the new one is there.
        return { status: "read", card, answer, explanation: state.value.explanation };
      }).catch((error): ReadingState => ({ status: "failed", error: messageOf(error) }));
      if (!isOver) state.value = next;
    };
    const explain = async (): Promise<void> => {
      const version = ink.version.value;
      const explanation = await withModel(entry, async ({ isOpen }) =>
        isOpen && !ink.isEmpty && ink.version.value === version ? reader.explain(ink.pixels()) : undefined,
      );
      if (explanation !== undefined && !isOver && ink.version.value === version) {
        state.value = { ...state.value, explanation };
      }
    };
    const readSoon = async (): Promise<void> => {
      isStale = true;
      if (isBusy) return;
      isBusy = true;
      while (isStale && !isOver) {
        isStale = false;
        await readOnce();
      }
      isBusy = false;
      clearTimeout(slow);
      slow = setTimeout(() => attempt(explain), SLOW_MS);
      clearTimeout(rest);
      rest = setTimeout(() => speak(state.value), REST_MS);
    };
    const end = ink.version.subscribe(() => void readSoon());
    return () => {
      isOver = true;
      clearTimeout(rest);
      clearTimeout(slow);
      end();
    };
  }, [ink, entry?.id]);
  return state;
}

function speak({ status, answer }: ReadingState): void {
  const [best] = answer?.readings ?? [];
  if (status === "read" && best !== undefined) announce(texts.value.draw.said(best.label, percent(best.probability)));
  else if (status === "faint") announce(texts.value.draw.tooLittle);
}
