/** Read: pages come in as photographs and scans, their numbers are found and read, and a person corrects them. The desk of it. */
import { signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { texts, whole } from "../i18n/i18n.ts";
import { pageTexts } from "../i18n/pages.ts";
import { toPages } from "../state/files.ts";
import { beginForm, draft, draftOf } from "../state/form-draft.ts";
import { announce, attempt, say } from "../state/notices.ts";
import {
  choose,
  chooseReader,
  correct,
  countsOf,
  current,
  forgetSamples,
  form,
  isLoaded,
  loadPages,
  openSpots,
  ownReaders,
  PACKAGED,
  progress,
  readAgain,
  readerId,
  remove,
  restore,
  type Standing,
  type StoredPage,
  samples,
  saveSamples,
  saveTable,
  selected,
  sheets,
  standingOf,
  textAt,
  useForm,
} from "../state/pages.ts";
import { address, route } from "../state/route.ts";
import { Camera } from "../ui/camera.tsx";
import { FileButton } from "../ui/file-button.tsx";
import { Icon } from "../ui/icons.tsx";
import { PagePicture } from "../ui/page-picture.tsx";
import { IMAGE_TYPES } from "../ui/pictures.ts";
import { CropPicture } from "../ui/place-picture.tsx";
import { Answers } from "./pages-answers.tsx";
import { Decide, howRead, placeName, StepButton, useTyped } from "./pages-decide.tsx";
import { FormMaker } from "./pages-form.tsx";
import { Review } from "./pages-review.tsx";
import "../style/pages.css";

/** What may be chosen for the desk. */
const TYPES = `${IMAGE_TYPES},.json,.safetensors,.onnx`;

export function PagesView() {
  useEffect(() => {
    attempt(loadPages);
    const onPaste = (event: ClipboardEvent): void => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      toPages(files);
    };
    addEventListener("paste", onPaste);
    return () => removeEventListener("paste", onPaste);
  }, []);
  if (!isLoaded.value) return null;
  const { id } = route.value;
  if (id === "review") return <Review />;
  if (id === "form" && draft.value !== undefined) return <FormMaker form={draft.value} />;
  return <Desk />;
}

function Desk() {
  const t = pageTexts.value;
  const sheet = current.value;
  return (
    <>
      <div class={sheet === undefined ? "title" : "title small"}>
        <h1>{t.heading}</h1>
        {sheet === undefined && <p class="lead">{t.lead}</p>}
      </div>
      {sheet === undefined ? <Empty /> : <Bench sheet={sheet} />}
      <Samples />
      <PageCamera />
    </>
  );
}

const isPhotographing = signal(false);

/** The camera, which stays open while the first page comes to the desk. */
function PageCamera() {
  const t = pageTexts.value;
  const count = useRef(0);
  if (!isPhotographing.value) return null;
  return (
    <Camera
      heading={t.camera.heading}
      hint={t.camera.hint}
      shot="page"
      onPictures={(pictures) =>
        toPages(
          pictures.map((picture) =>
            picture instanceof File
              ? picture
              : new File([picture], `photo-${++count.current}.jpg`, { type: picture.type }),
          ),
        )
      }
      onClose={() => {
        isPhotographing.value = false;
      }}
    />
  );
}

/** Buttons by which pages come in. */
function Sources({ isFirst }: { readonly isFirst: boolean }) {
  const t = pageTexts.value;
  return (
    <>
      <FileButton
        accept={TYPES}
        isMultiple
        label={isFirst ? t.choose : t.more}
        icon="picture"
        class={isFirst ? "primary" : undefined}
        onFiles={toPages}
      />
      <button
        type="button"
        onClick={() => {
          isPhotographing.value = true;
        }}
      >
        <Icon name="camera" />
        {t.photograph}
      </button>
    </>
  );
}

function Empty() {
  const t = pageTexts.value;
  return (
    <>
      <section class="drop-here" aria-label={t.drop}>
        <Icon name="pages" />
        <p class="call">{t.drop}</p>
        <p class="soft">{t.dropHint}</p>
        <div class="row wrap">
          <Sources isFirst />
        </div>
      </section>
      <Setup />
    </>
  );
}

/** The reader, and the form that pages show. */
function Setup() {
  const t = pageTexts.value;
  const shown = form.value;
  return (
    <div class="row wrap setup">
      <label class="field">
        <span>{t.reader}</span>
        <select value={readerId.value} onChange={(event) => chooseReader(event.currentTarget.value)}>
          <option value={PACKAGED}>{t.packaged}</option>
          {ownReaders.value.length > 0 && (
            <optgroup label={t.ownReaders}>
              {ownReaders.value.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </optgroup>
          )}
        </select>
      </label>
      {shown === undefined ? (
        <FileButton
          accept={IMAGE_TYPES}
          label={t.maker.begin}
          icon="pages"
          class="quiet"
          onFiles={([file]) => attempt(() => beginForm(file))}
        />
      ) : (
        <p class="form-chip">
          {t.form.named(shown.name, whole(shown.fields.length))}
          <button type="button" class="small" onClick={() => attempt(() => draftOf(shown))}>
            {t.maker.change}
          </button>
          <button
            type="button"
            class="icon-button"
            aria-label={t.form.remove}
            title={t.form.remove}
            onClick={() => useForm(undefined)}
          >
            <Icon name="clear" />
          </button>
        </p>
      )}
    </div>
  );
}

function Bench({ sheet }: { readonly sheet: StoredPage }) {
  const t = pageTexts.value;
  const { answer, error } = sheet;
  const field = useRef<HTMLInputElement>(null);
  const index = selected.value;
  const number = index === undefined ? undefined : answer?.numbers[index];
  // The field of another number is there after this.
  const toField = (): void => void setTimeout(() => focusOn(field.current));
  const select = (to: number, goesOn: boolean): void => {
    choose(sheet, to);
    if (goesOn) toField();
  };
  return (
    <>
      <div class="bar">
        <div class="row wrap">
          <Sources isFirst={false} />
          {openSpots.value.length > 0 && (
            <a class="button primary-link" href={address("pages", "review")}>
              <Icon name="check" />
              {t.review.open(whole(openSpots.value.length))}
            </a>
          )}
          <button
            type="button"
            title={t.tableTitle}
            aria-label={t.tableTitle}
            disabled={!sheets.value.some((each) => each.answer !== undefined)}
            onClick={() => attempt(saveTable)}
          >
            <Icon name="save" />
            {t.table}
          </button>
        </div>
        <Setup />
      </div>
      <Strip sheet={sheet} />
      <Progress />
      <div class="reading-desk">
        <div class="sheet-side">
          <PagePicture key={sheet.id} sheet={sheet} selected={index} onSelect={select} />
          <Legend />
        </div>
        <div class="answer-side">
          {error !== undefined && (
            <div class="problem" role="alert">
              <p class="error">{error}</p>
              <button type="button" class="small" onClick={() => readAgain(sheet)}>
                {t.again}
              </button>
            </div>
          )}
          {answer === undefined ? (
            error === undefined && <p class="soft">{t.waiting}</p>
          ) : (
            <>
              {answer.problem !== undefined && <p class="problem error">{answer.problem}</p>}
              <Summary sheet={sheet} />
              {number === undefined || index === undefined ? (
                <p class="soft hint">{answer.numbers.length === 0 ? t.noNumbers : t.choosePlace}</p>
              ) : (
                <InHand
                  key={`${sheet.id} ${sheet.readWith} ${index}`}
                  sheet={sheet}
                  index={index}
                  field={field}
                  onMoved={toField}
                />
              )}
              <Answers sheet={sheet} numbers={answer.numbers} selected={index} onSelect={select} />
            </>
          )}
        </div>
      </div>
    </>
  );
}

function focusOn(field: HTMLInputElement | null): void {
  field?.focus({ preventScroll: true });
  field?.select();
}

interface InHandProps {
  readonly sheet: StoredPage;
  readonly index: number;
  readonly field: RefObject<HTMLInputElement | null>;
  /** Another number is in hand. */
  onMoved(): void;
}

/** The number in hand, and the way to the next one. */
function InHand({ sheet, index, field, onMoved }: InHandProps) {
  const t = pageTexts.value;
  const hand = useRef<HTMLDivElement>(null);
  const typed = useTyped(sheet, index);
  useEffect(() => hand.current?.scrollIntoView({ block: "nearest" }), []);
  const number = sheet.answer?.numbers[index];
  if (number === undefined) return null;
  const step = (by: -1 | 1): void => {
    const to = neighborOf(sheet, index, by);
    if (to === undefined) return;
    const text = textAt(to.sheet, to.index) || t.empty;
    const place = to.sheet.answer?.numbers[to.index];
    if (place !== undefined) announce(t.says(placeName(place, to.index), text, howRead(to.sheet, to.index)));
    choose(to.sheet, to.index);
    onMoved();
  };
  const leave = (by: -1 | 1): void => {
    // What was typed is meant.
    if (typed.value.trim() !== textAt(sheet, index)) correct(sheet, index, typed.value.trim());
    step(by);
  };
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => leave(1),
    ArrowUp: () => leave(-1),
    Escape: () => choose(sheet),
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the field in it
    <div
      ref={hand}
      class="in-hand"
      onKeyDown={(event) => {
        const act = event.target === field.current && !event.isComposing ? keys[event.key] : undefined;
        if (act === undefined) return;
        event.preventDefault();
        act();
      }}
    >
      <div class="row">
        <h2 class="grow">{placeName(number, index)}</h2>
        <StepButton by={-1} label={t.previous} onStep={() => leave(-1)} />
        <StepButton by={1} label={t.next} onStep={() => leave(1)} />
      </div>
      {number.crop !== undefined && <CropPicture crop={number.crop} label={t.seen} />}
      <Decide sheet={sheet} index={index} number={number} field={field} typed={typed} onDecided={() => step(1)} />
      <p class="soft keys">{t.editorKeys}</p>
    </div>
  );
}

/** The next or the last number on which there is anything, on this page or another. */
function neighborOf(
  sheet: StoredPage,
  index: number,
  by: -1 | 1,
): { readonly sheet: StoredPage; readonly index: number } | undefined {
  const all = sheets.value.flatMap((each) =>
    [...(each.answer?.numbers.keys() ?? [])]
      .filter((i) => (each.id === sheet.id && i === index) || standingOf(each, i) !== "empty")
      .map((i) => ({ sheet: each, index: i })),
  );
  return all[all.findIndex((each) => each.sheet.id === sheet.id && each.index === index) + by];
}

function Summary({ sheet }: { readonly sheet: StoredPage }) {
  const t = pageTexts.value;
  const { sure, unsure, refused, person, empty } = countsOf(sheet);
  return (
    <p class="summary">
      <b>{sheet.name}</b>
      <span class="soft">{t.summary(whole(sure), whole(unsure + refused), whole(person), whole(empty))}</span>
    </p>
  );
}

function Legend() {
  const { legend } = pageTexts.value;
  return (
    <ul class="page-legend" aria-hidden="true">
      {(["sure", "unsure", "refused", "person"] as const satisfies readonly Standing[]).map((standing) => (
        <li key={standing}>
          <i class={standing} />
          {legend[standing]}
        </li>
      ))}
    </ul>
  );
}

/** How far the reading has come; said by screen readers, too. */
function Progress() {
  const t = pageTexts.value;
  const state = progress.value;
  return (
    <div class="reading-progress" role="status">
      {state !== undefined && (
        <>
          <progress value={state.done} max={state.total} aria-hidden="true" />
          <p class="soft">{t.reading(whole(state.done + 1), whole(state.total), state.name)}</p>
        </>
      )}
    </div>
  );
}

/** The pages on the desk, where there are several; the one in sight can be taken away. */
function Strip({ sheet }: { readonly sheet: StoredPage }) {
  const t = pageTexts.value;
  return (
    <div class="strip">
      <ul aria-label={t.pages}>
        {sheets.value.map((each) => {
          const { sure, unsure, refused, person } = countsOf(each);
          return (
            <li key={each.id}>
              <button
                type="button"
                class="small"
                aria-pressed={each.id === sheet.id}
                title={t.page(each.name, whole(sure + person), whole(unsure + refused))}
                onClick={() => choose(each)}
              >
                <span class="name">{each.name}</span>
                {each.error !== undefined && <Icon name="clear" />}
                {unsure + refused > 0 && <span class="count">{whole(unsure + refused)}</span>}
              </button>
            </li>
          );
        })}
      </ul>
      <button
        type="button"
        class="icon-button quiet"
        aria-label={t.removePage(sheet.name)}
        title={t.removePage(sheet.name)}
        onClick={() => {
          remove(sheet);
          say(t.pageRemoved(sheet.name), { label: texts.value.undo, run: () => restore(sheet) });
        }}
      >
        <Icon name="bin" />
      </button>
    </div>
  );
}

/** What was corrected so far, on these pages and others, as something to learn from. */
function Samples() {
  const t = pageTexts.value.samples;
  const count = samples.value.length;
  if (count === 0) return null;
  return (
    <section class="line-samples" aria-label={t.heading}>
      <h2>{t.heading}</h2>
      <p>{t.count(whole(count))}</p>
      <p class="soft">
        {t.hint} <code>ductus finetune reader --data corrections</code>
      </p>
      <div class="row wrap">
        <button type="button" onClick={() => attempt(saveSamples)}>
          <Icon name="save" />
          {t.save}
        </button>
        <button type="button" class="quiet" onClick={() => forgetSamples(texts.value.undo)}>
          <Icon name="bin" />
          {t.remove}
        </button>
      </div>
    </section>
  );
}
