/** Draw: write on the pad, and see what a network makes of it, layer by layer. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { LayerActivation, ModelCard, Reads, TaskKind } from "../engine/protocol.ts";
import { bytes, date, percent, texts, whole } from "../i18n/i18n.ts";
import { MODEL_TYPES, openFiles, showPicture } from "../state/files.ts";
import { choose, chosen, entries, forget, GROUPS, keep, type ModelEntry } from "../state/models.ts";
import { say } from "../state/notices.ts";
import { ink } from "../state/pad.ts";
import { type ReadingState, useReading } from "../state/reading.ts";
import { useTextReading } from "../state/text-reading.ts";
import { kindOf, readsOf, taskOf } from "../task/kinds.ts";
import { Attention, Mosaic, mosaicOf, Seen } from "../ui/bytes-canvas.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { FileButton } from "../ui/file-button.tsx";
import { Icon } from "../ui/icons.tsx";
import { Pad } from "../ui/pad.tsx";
import { AnswerText, Bars, ReadTime } from "../ui/readings.tsx";
import { TakeAway } from "../ui/take-away.tsx";
import { WriteForm } from "./write-form.tsx";

export function DrawView() {
  const entry = chosen.value;
  const card = entry?.stored?.card ?? {};
  const Desk = DESKS[taskOf(card)][readsOf(card)];
  return <Desk key={entry?.id} entry={entry} />;
}

interface DeskProps {
  readonly entry: ModelEntry | undefined;
}

type Desk = (props: DeskProps) => ComponentChildren;

function DrawDesk({ entry }: DeskProps) {
  const t = texts.value.draw;
  const reading = useReading(ink, entry);
  const state = reading.value;
  const Beside = BESIDE[readsOf(state.card ?? {})];
  const digits = state.card === undefined || isOfDigits(state.card);
  return (
    <>
      <div class="title">
        <h1>{digits ? t.heading : t.headingOther}</h1>
        <p class="lead">
          {t.lead} {!digits && state.card !== undefined && knownTo(state.card)}
        </p>
      </div>
      <div class="desk">
        <Pad ink={ink} onPicture={showPicture} />
        <section class="read" aria-label={t.answer}>
          <AnswerText state={state} />
          <Beside state={state} />
          <Bars card={state.card} answer={state.answer} />
          <ModelChoice entry={entry} state={state} />
        </section>
      </div>
      {(state.card === undefined || kindOf(state.card).isOpenInside) && <Inside state={state} />}
    </>
  );
}

/** For models that read texts: a box to type in. */
function TextDesk({ entry }: DeskProps) {
  const t = texts.value.draw;
  const text = useSignal("");
  const state = useTextReading(text.value, entry as ModelEntry).value;
  return (
    <>
      <div class="title">
        <h1>{t.headingText}</h1>
        <p class="lead">
          {t.lead} {state.card !== undefined && knownTo(state.card)}
        </p>
      </div>
      <div class="desk">
        <label class="field">
          <span>{t.text}</span>
          <textarea
            id="text"
            rows={8}
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
        </label>
        <section class="read" aria-label={t.answer}>
          <AnswerText state={state} waiting={t.waitingText} />
          <TimeOnly state={state} />
          <Bars card={state.card} answer={state.answer} />
          <ModelChoice entry={entry} state={state} />
        </section>
      </div>
    </>
  );
}

/** For models that go on with texts: a beginning, and what may come next; at a press, all that follows. */
function WriteDesk({ entry }: DeskProps) {
  const t = texts.value.draw;
  const beginning = useSignal("");
  const state = useTextReading(beginning.value, entry as ModelEntry).value;
  return (
    <>
      <div class="title">
        <h1>{t.headingWrite}</h1>
        <p class="lead">{t.leadWrite}</p>
      </div>
      <div class="desk writing">
        <WriteForm beginning={beginning} entry={entry as ModelEntry} />
        <section class="read" aria-label={t.next}>
          <div class="answer">
            <h2>{t.next}</h2>
            <p class={state.status === "failed" ? "error" : "soft"}>
              {state.error ?? (state.status === "empty" ? t.waitingText : <ReadTime answer={state.answer} />)}
            </p>
          </div>
          <Bars card={state.card} answer={state.answer} />
          <ModelChoice entry={entry} state={state} />
        </section>
      </div>
    </>
  );
}

/** What a model reads decides where it is used, unless it goes on with texts. */
const BY_INPUT: Readonly<Record<Reads, Desk>> = { numbers: DrawDesk, text: TextDesk, line: DrawDesk };
const DESKS: Readonly<Record<TaskKind, Readonly<Record<Reads, Desk>>>> = {
  classify: BY_INPUT,
  transcribe: BY_INPUT,
  generate: { numbers: WriteDesk, text: WriteDesk, line: WriteDesk },
};

const isOfDigits = (card: ModelCard): boolean => taskOf(card) === "classify" && card.names.join("") === "0123456789";

/** Names of many that are listed. */
const NAMED = 12;

/** What a model tells apart, in a sentence. */
function knownTo(card: ModelCard): string {
  const named = card.names.slice(0, NAMED).join(", ");
  const rest = card.names.length - NAMED;
  return kindOf(card).knows(rest > 0 ? `${named} ${texts.value.draw.more(whole(rest))}` : named);
}

interface StateProps {
  readonly state: ReadingState;
}

const TimeOnly = ({ state }: StateProps) => (
  <p class="soft time">
    <ReadTime answer={state.answer} />
  </p>
);

/** Beside an answer: what the network saw, where that is of one size. */
const BESIDE: Readonly<Record<Reads, (props: StateProps) => ComponentChildren>> = {
  numbers: SeenFigure,
  text: TimeOnly,
  line: TimeOnly,
};

const looks = (() => {
  const key = "ductus.looks";
  return {
    get isOn(): boolean {
      return localStorage.getItem(key) !== "no";
    },
    keep: (isOn: boolean): void => localStorage.setItem(key, isOn ? "yes" : "no"),
  };
})();

function SeenFigure({ state: { card, answer, explanation } }: StateProps) {
  const t = texts.value.draw;
  const isLooking = useSignal(looks.isOn);
  const [height, width] = card?.inputShape ?? [28, 28];
  const size = `${width} × ${height}`;
  return (
    <figure class="seen">
      <div class="stack">
        <Seen pixels={answer?.seen} shape={card?.inputShape ?? [28, 28, 1]} label={t.seen(size)} />
        {isLooking.value && explanation !== undefined && (
          <Attention values={explanation.attention} width={width} height={height} />
        )}
      </div>
      <figcaption>
        <span>{t.seen(size)}</span>
        {(card === undefined || (card.isOpen && kindOf(card).isOpenInside)) && (
          <label class="check" title={t.lookHint}>
            <input
              type="checkbox"
              checked={isLooking.value}
              onChange={(event) => {
                isLooking.value = event.currentTarget.checked;
                looks.keep(isLooking.value);
              }}
            />
            {t.look}
          </label>
        )}
        <span class="soft time">
          <ReadTime answer={answer} />
        </span>
      </figcaption>
    </figure>
  );
}

function ModelChoice({ entry, state }: { readonly entry: ModelEntry | undefined; readonly state: ReadingState }) {
  const t = texts.value.draw;
  return (
    <div class="model">
      <div class="row">
        <label class="field">
          <span>{t.model}</span>
          <select value={entry?.id} onChange={(event) => choose(event.currentTarget.value)}>
            {GROUPS.map((group) => {
              const members = entries.value.filter((each) => each.group === group);
              if (members.length === 0) return null;
              return (
                <optgroup key={group} label={t.groups[group]}>
                  {members.map(({ id, name }) => (
                    <option key={id} value={id}>
                      {name}
                    </option>
                  ))}
                </optgroup>
              );
            })}
          </select>
        </label>
        <FileButton accept={MODEL_TYPES} label={texts.value.open.button} icon="open" onFiles={openFiles} />
      </div>
      {entry !== undefined && state.card !== undefined && <About entry={entry} state={state} />}
    </div>
  );
}

/** What goes into a model, in words. */
const INPUT_FACTS: Readonly<Record<Reads, (card: ModelCard) => string>> = {
  numbers: ({ inputShape: [height, width, channels] }) => `${width} × ${height}${channels > 1 ? ` × ${channels}` : ""}`,
  text: () => texts.value.draw.text,
  line: ({ inputShape: [, height] }) => texts.value.draw.lines(whole(height)),
};

function About({ entry, state: { card } }: { readonly entry: ModelEntry; readonly state: ReadingState }) {
  const t = texts.value.draw;
  if (card === undefined) return null;
  const { stored } = entry;
  const facts: readonly (readonly [name: string, value: string])[] = [
    [t.facts.architecture, card.architecture === "custom" ? t.custom : card.architecture],
    [t.facts.parameters, whole(card.parameters)],
    [t.facts.size, bytes(card.size)],
    [t.facts.input, INPUT_FACTS[readsOf(card)](card)],
    [kindOf(card).named(), whole(card.names.length)],
    ...(stored?.measured === undefined ? [] : [[t.facts.accuracy, percent(stored.measured.accuracy)] as const]),
    ...(stored === undefined ? [] : [[t.facts.made, date(stored.madeAt)] as const]),
  ];
  const remove = async (): Promise<void> => {
    if (stored === undefined) return;
    await forget(entry.id);
    say(t.deleted(entry.name), { label: texts.value.undo, run: () => void keep(stored).then(() => choose(stored.id)) });
  };
  return (
    <details>
      <summary>{t.about}</summary>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h3>{texts.value.away.heading}</h3>
      <TakeAway entry={entry} card={card} />
      {stored !== undefined && (
        <button type="button" class="quiet" onClick={() => void remove()}>
          <Icon name="bin" />
          {t.deleteModel}
        </button>
      )}
    </details>
  );
}

function Inside({ state }: { readonly state: ReadingState }) {
  const t = texts.value.draw;
  const enlarged = useSignal<string | undefined>(undefined);
  const layers = state.explanation?.layers ?? [];
  const large = layers.find(({ name }) => name === enlarged.value);
  return (
    <section class="inside" aria-label={t.inside}>
      <h2>{t.inside}</h2>
      {state.card?.isOpen === false ? (
        <p class="soft">{t.insideClosed}</p>
      ) : layers.length === 0 ? (
        <p class="soft">{t.insideEmpty}</p>
      ) : (
        <>
          <p class="soft">{t.insideLead}</p>
          <ol class="layers">
            {layers.map((layer) => (
              <li key={layer.name}>
                <button
                  type="button"
                  class="layer"
                  title={layer.name}
                  onClick={() => {
                    enlarged.value = layer.name;
                  }}
                >
                  <Mosaic layer={layer} />
                  <span class="kind">{layer.kind}</span>
                  <span class="soft">{sizeOf(layer)}</span>
                </button>
              </li>
            ))}
          </ol>
        </>
      )}
      {large !== undefined && (
        <Dialog
          title={`${large.name} · ${large.kind}`}
          class="large"
          onClose={() => {
            enlarged.value = undefined;
          }}
        >
          <Mosaic layer={large} label={t.layer(large.name, sizeOf(large))} />
          <p class="soft">{sizeOf(large)}</p>
        </Dialog>
      )}
    </section>
  );
}

function sizeOf(layer: LayerActivation): string {
  const t = texts.value.draw;
  const [height, width, channels] = layer.shape;
  if (height === 1 && width === 1) return t.values(whole(channels));
  const { shown } = mosaicOf(layer);
  return `${width} × ${height}, ${shown < channels ? `${whole(shown)} / ` : ""}${t.maps(whole(channels))}`;
}
