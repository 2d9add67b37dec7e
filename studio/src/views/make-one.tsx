/**
 * One recognizer in the making. One pad does it all: choose a class once, write it as often as one likes, and each writing
 * becomes a sample; once a network is trained it reads along on the same pad, and what it gets wrong becomes the next sample.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { reader } from "../engine/client.ts";
import { percent, texts, whole } from "../i18n/i18n.ts";
import { bringFiles } from "../state/files.ts";
import { findEntry } from "../state/models.ts";
import { announce, attempt, say } from "../state/notices.ts";
import { addSamples, contentOf, type Project, put, removeProject, samplesOf, update } from "../state/projects.ts";
import { type ReadingState, useReading } from "../state/reading.ts";
import { address, go } from "../state/route.ts";
import { download, fileName } from "../ui/download.ts";
import { FileButton } from "../ui/file-button.tsx";
import { Icon } from "../ui/icons.tsx";
import { Ink } from "../ui/ink.ts";
import { Pad } from "../ui/pad.tsx";
import { pixelsOf } from "../ui/pictures.ts";
import { AnswerText } from "../ui/readings.tsx";
import { Classes } from "./make-classes.tsx";
import { MakeResult } from "./make-result.tsx";

export function MakeOne({ project }: { readonly project: Project }) {
  const t = texts.value.make;
  const ink = useMemo(() => new Ink(), []);
  const entry = project.modelId === undefined ? undefined : findEntry(project.modelId);
  const state = useReading(ink, entry).value;
  return (
    <>
      <div class="title">
        <p class="back">
          <a href={address("make")}>
            <Icon name="back" />
            {t.back}
          </a>
        </p>
        <h1>
          <input
            class="name"
            aria-label={t.name}
            value={project.name}
            onChange={(event) => {
              const name = event.currentTarget.value.trim();
              if (name !== "") update(project.id, () => ({ name }));
              event.currentTarget.value = name === "" ? project.name : name;
            }}
          />
        </h1>
      </div>
      <div class="desk making">
        <Bench project={project} ink={ink} state={state} />
        <div class="columns">
          <Classes project={project} />
          <MakeResult project={project} entry={entry} isChanged={project.trainedOn !== contentOf(project)} />
          <ProjectFile project={project} />
        </div>
      </div>
    </>
  );
}

interface BenchProps {
  readonly project: Project;
  readonly ink: Ink;
  readonly state: ReadingState;
}

/** All that is in sight while one draws: the answer, the pad, and the classes with what is read of each. */
function Bench({ project, ink, state }: BenchProps) {
  const t = texts.value.make;
  const { id, classes } = project;
  const chosen = useSignal<string | undefined>(undefined);
  const current = classes.find((label) => label === chosen.value) ?? classes[0];
  const isEmpty = ink.version.value >= 0 && ink.isEmpty;

  const add = async (label: string): Promise<void> => {
    if (ink.isEmpty) return;
    // The pad is free for the next one at once.
    const png = ink.png();
    ink.clear();
    addSamples(id, label, [await png]);
    announce(t.added(label, whole(samplesOf(project, label).length + 1)));
  };
  const choose = (label: string): void => {
    chosen.value = label;
    attempt(() => add(label));
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target } = event;
      const isBusy = (selector: string): boolean => target instanceof HTMLElement && target.matches(selector);
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return;
      const label = classes[Number(event.key) - 1];
      if (label !== undefined && !isBusy("input, select, textarea")) choose(label);
      if (event.key === "Enter" && current !== undefined && !isBusy("input, select, textarea, button, a, summary"))
        attempt(() => add(current));
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });

  const addButton = current !== undefined && (
    <button type="button" class="add" disabled={isEmpty} onClick={() => attempt(() => add(current))}>
      <Icon name="plus" />
      {t.addTo(current)}
    </button>
  );
  return (
    <div class="bench">
      <section class="read" aria-label={texts.value.draw.answer}>
        {project.modelId === undefined ? <p class="soft">{t.untrained}</p> : <AnswerText state={state} />}
      </section>
      <Pad
        ink={ink}
        before={addButton}
        onPicture={(file) => attempt(async () => ink.show(await pixelsOf(file, file.name)))}
      />
      {classes.length === 0 ? (
        <p class="soft this-is">{t.noClasses}</p>
      ) : (
        <section class="this-is" aria-label={t.thisIs}>
          <p class="soft">{isEmpty || state.status !== "read" ? t.howTo : t.tryIt}</p>
          <ClassButtons classes={classes} current={current} state={state} onChoose={choose} />
        </section>
      )}
    </div>
  );
}

interface ClassButtonsProps {
  readonly classes: readonly string[];
  readonly current: string | undefined;
  readonly state: ReadingState;
  onChoose(label: string): void;
}

/** The classes as buttons, each with its probability: one is chosen for what is written next. Keys 1 … 9 do it, too. */
function ClassButtons({ classes, current, state: { status, answer }, onChoose }: ClassButtonsProps) {
  const t = texts.value.make;
  const byLabel = new Map(
    status === "read" ? answer?.readings.map(({ label, probability }) => [label, probability]) : [],
  );
  const best = status === "read" ? answer?.readings[0]?.label : undefined;
  return (
    <ul class="class-buttons">
      {classes.map((label, i) => {
        const probability = byLabel.get(label);
        return (
          <li key={label}>
            <button
              type="button"
              class={label === best ? "class-button first" : "class-button"}
              aria-pressed={label === current}
              title={t.writeNext(label)}
              onClick={() => onChoose(label)}
            >
              {i < 9 && <kbd>{i + 1}</kbd>}
              <span class="label">{label}</span>
              {status !== "none" && <span class="part">{probability === undefined ? "–" : percent(probability)}</span>}
              <i aria-hidden="true" style={{ transform: `scaleX(${probability ?? 0})` }} />
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** Samples leave and come back as a file; and the whole is deleted. */
function ProjectFile({ project }: { readonly project: Project }) {
  const t = texts.value.make;
  const save = async (): Promise<void> => {
    const name = `${fileName(project.name)}.zip`;
    download(name, await reader.pack(project));
    say(t.saved(name));
  };
  return (
    <section class="project-file" aria-label={t.save}>
      <div class="row wrap">
        <button type="button" disabled={project.samples.length === 0} onClick={() => attempt(save)}>
          <Icon name="save" />
          {t.save}
        </button>
        <OpenButtons />
        <button
          type="button"
          class="quiet"
          onClick={() => {
            removeProject(project.id);
            attempt(async () => {
              await go("make");
              say(t.projectRemoved(project.name), { label: texts.value.undo, run: () => put(project) });
            });
          }}
        >
          <Icon name="bin" />
          {t.deleteProject}
        </button>
      </div>
      <p class="soft">{t.openHint}</p>
    </section>
  );
}

/** Archives and folders, for those who do not drop. */
export function OpenButtons() {
  const t = texts.value.make;
  return (
    <>
      <FileButton accept=".zip,application/zip" label={t.openProject} icon="open" onFiles={bringFiles} />
      <FileButton accept="" isFolder isMultiple label={t.openFolder} icon="open" onFiles={bringFiles} />
    </>
  );
}
