/** The frame of the page: head, navigation with the training that runs, the view, and what the page has to say. */
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { chooseLanguage, LANGUAGES, type Language, language, percent, texts, whole } from "./i18n/i18n.ts";
import { isDragging } from "./state/files.ts";
import { discard, goOn, isBusy, type JobState, job, progress } from "./state/job.ts";
import { attempt, dismiss, notice, spoken } from "./state/notices.ts";
import { address, route, VIEWS, type View } from "./state/route.ts";
import { runsAddress } from "./state/runs.ts";
import { chooseTheme, THEMES, type Theme, theme } from "./state/theme.ts";
import { Icon, type IconName, Mark } from "./ui/icons.tsx";
import { onDemand } from "./ui/on-demand.tsx";
import { DrawView } from "./views/draw.tsx";
import { MakeView } from "./views/make.tsx";
import { RunsView } from "./views/runs.tsx";
import { TrainView } from "./views/train.tsx";

const SHOWN: Readonly<Record<View, ComponentType>> = {
  draw: DrawView,
  pages: onDemand(async () => (await import("./views/pages.tsx")).PagesView),
  train: TrainView,
  make: MakeView,
  runs: RunsView,
};

export function App() {
  const t = texts.value;
  const { view, id } = route.value;
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // A new view begins at its top, for eyes and for screen readers.
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [view, id]);
  const Shown = SHOWN[view];
  return (
    <>
      {/* No link: the hash of the address is the view's. */}
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        {t.skip}
      </button>
      <Head />
      <main id="main" ref={main} tabIndex={-1} class={view}>
        <Waiting />
        <Shown />
      </main>
      <footer class="foot soft">
        {t.foot.offline}{" "}
        <a href="./licenses.txt" target="_blank" rel="noopener">
          {t.foot.licenses}
        </a>
      </footer>
      <NoticeStrip />
      <p class="hidden" aria-live="polite">
        {spoken.value}
      </p>
      {isDragging.value && (
        <div class="drop" aria-hidden="true">
          <p>
            <b>{t.open.drop}</b>
            <br />
            {t.open.dropHint}
          </p>
        </div>
      )}
    </>
  );
}

function Head() {
  const t = texts.value;
  const current = route.value.view;
  return (
    <header class="head">
      <a class="word" href={address("draw")} aria-label="Ductus">
        <Mark />
        Ductus
      </a>
      <nav aria-label={t.nav.label}>
        <ul>
          {VIEWS.filter((view) => view !== "runs" || runsAddress !== undefined).map((view) => (
            <li key={view}>
              <a href={address(view)} aria-current={view === current ? "page" : undefined}>
                <Icon name={view} />
                {t.nav[view]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <JobChip />
      <div class="settings-row">
        <LanguageButton />
        <ThemeButton />
      </div>
    </header>
  );
}

const OTHER: Readonly<Record<Language, Language>> = { en: "zh", zh: "en" };

function LanguageButton() {
  const other = OTHER[language.value];
  const { name, tag } = LANGUAGES[other];
  return (
    <button type="button" class="quiet" lang={tag} onClick={() => chooseLanguage(other)}>
      {name}
    </button>
  );
}

const THEME_ICONS = { system: "system", light: "sun", dark: "moon" } as const satisfies Record<Theme, IconName>;

function ThemeButton() {
  const { theme: label, themes } = texts.value.settings;
  return (
    <button
      type="button"
      class="quiet icon-button"
      aria-label={`${label}: ${themes[theme.value]}`}
      title={`${label}: ${themes[theme.value]}`}
      onClick={() => chooseTheme(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length])}
    >
      <Icon name={THEME_ICONS[theme.value]} />
    </button>
  );
}

const viewOf = ({ project }: JobState): string =>
  project === undefined ? address("train") : address("make", project.id);

/** The training that runs or waits, in sight of every view. */
function JobChip() {
  const state = job.value;
  if (state === undefined || !(isBusy.value || state.phase === "paused")) return null;
  const t = texts.value.job;
  const part = percent(progress.value);
  const label = state.phase === "paused" ? t.chipPaused(state.title) : t.chip(state.title, part);
  return (
    <a class="chip" href={viewOf(state)} aria-label={label} title={label}>
      <svg viewBox="0 0 20 20" aria-hidden="true">
        <circle cx="10" cy="10" r="8" />
        <circle cx="10" cy="10" r="8" pathLength="1" stroke-dasharray={`${progress.value} 1`} class="done" />
      </svg>
      <span>{state.title}</span>
      <b>{state.phase === "paused" ? <Icon name="pause" /> : part}</b>
    </a>
  );
}

/** A training that a reload has interrupted, or that was paused, offered in the other views. */
function Waiting() {
  const state = job.value;
  if (state?.phase !== "paused" || (route.value.view === "train" && state.project === undefined)) return null;
  const t = texts.value.job;
  return (
    <section class="waiting" aria-label={t.waiting(state.title)}>
      <p>{t.waiting(state.title)}</p>
      <div class="row">
        <button type="button" class="primary" onClick={() => attempt(goOn)}>
          <Icon name="play" />
          {t.goOn}
        </button>
        <button type="button" onClick={() => attempt(discard)}>
          {t.discard}
        </button>
      </div>
    </section>
  );
}

function NoticeStrip() {
  const current = notice.value;
  return (
    <div class="notices" role={current?.kind === "error" ? "alert" : "status"}>
      {current !== undefined && (
        <div class={`notice ${current.kind}`}>
          <div class="said">
            <p>{current.text}</p>
            {current.lines !== undefined && <ProblemList lines={current.lines} />}
          </div>
          {current.action !== undefined && (
            <button
              type="button"
              class="small"
              onClick={() => {
                dismiss();
                current.action?.run();
              }}
            >
              {current.action.label}
            </button>
          )}
          <button type="button" class="icon-button" aria-label={texts.value.dismiss} onClick={dismiss}>
            <Icon name="clear" />
          </button>
        </div>
      )}
    </div>
  );
}

/** Lines of a notice that are shown; more are counted. */
const SHOWN_LINES = 100;

function ProblemList({ lines }: { readonly lines: readonly string[] }) {
  const rest = lines.length - SHOWN_LINES;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <ul tabIndex={0}>
      {lines.slice(0, SHOWN_LINES).map((line, i) => (
        <li key={i}>{line}</li>
      ))}
      {rest > 0 && <li>{texts.value.draw.more(whole(rest))}</li>}
    </ul>
  );
}
