/**
 * One recogniser in the making. One pad does it all: write something, say what it is, and it is a sample; once a network
 * is trained it reads along on the same pad, so that what it gets wrong becomes the next sample.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { texts, whole } from "../i18n/i18n.ts";
import { findEntry } from "../state/models.ts";
import { announce, attempt, fail, say } from "../state/notices.ts";
import { addSamples, contentOf, type Project, put, removeProject, samplesOf, update } from "../state/projects.ts";
import { useReading } from "../state/reading.ts";
import { address, go } from "../state/route.ts";
import { BlobPicture } from "../ui/blob-picture.tsx";
import { Camera } from "../ui/camera.tsx";
import { FileButton } from "../ui/file-button.tsx";
import { Icon } from "../ui/icons.tsx";
import { Ink } from "../ui/ink.ts";
import { Pad } from "../ui/pad.tsx";
import { IMAGE_TYPES, isPicture, pixelsOf, pngOf } from "../ui/pictures.ts";
import { AnswerText, Bars } from "../ui/readings.tsx";
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
        <div>
          <Pad ink={ink} onPicture={(file) => attempt(async () => ink.show(await pixelsOf(file, file.name)))} />
          <ThisIs project={project} ink={ink} />
          <section class="read" aria-label={texts.value.draw.answer}>
            {entry === undefined ? (
              <p class="soft">{t.untrained}</p>
            ) : (
              <>
                <AnswerText state={state} />
                <Bars card={state.card} answer={state.answer} />
                <p class="soft">{t.tryIt}</p>
              </>
            )}
          </section>
        </div>
        <div class="columns">
          <Classes project={project} />
          <MakeResult project={project} entry={entry} isChanged={project.trainedOn !== contentOf(project)} />
          <p>
            <button
              type="button"
              class="quiet"
              onClick={() => {
                removeProject(project.id);
                go("make");
                say(t.projectRemoved(project.name), { label: texts.value.undo, run: () => put(project) });
              }}
            >
              <Icon name="bin" />
              {t.deleteProject}
            </button>
          </p>
        </div>
      </div>
    </>
  );
}

/** The classes as buttons below the pad: what was written becomes a sample of the one that is pressed. Keys 1 … 9 do too. */
function ThisIs({ project, ink }: { readonly project: Project; readonly ink: Ink }) {
  const t = texts.value.make;
  const { id, classes } = project;
  const isEmpty = ink.version.value >= 0 && ink.isEmpty;
  const add = async (label: string): Promise<void> => {
    if (ink.isEmpty) return;
    // The pad is free for the next one at once.
    const png = ink.png();
    ink.clear();
    addSamples(id, label, [await png]);
    announce(t.added(label, whole(samplesOf(project, label).length + 1)));
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
      const label = classes[Number(event.key) - 1];
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey || label === undefined) return;
      attempt(() => add(label));
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
  if (classes.length === 0) return <p class="soft this-is">{t.noClasses}</p>;
  return (
    <section class="this-is" aria-label={t.thisIs}>
      <h2>{t.thisIs}</h2>
      <div class="row wrap">
        {classes.map((label, i) => (
          <button
            key={label}
            type="button"
            class="class-button"
            disabled={isEmpty}
            aria-label={t.addAs(label)}
            onClick={() => attempt(() => add(label))}
          >
            {i < 9 && <kbd>{i + 1}</kbd>}
            {label}
          </button>
        ))}
      </div>
      {isEmpty && <p class="soft">{t.drawFirst}</p>}
    </section>
  );
}

function Classes({ project }: { readonly project: Project }) {
  const t = texts.value.make;
  const photographed = useSignal<string | undefined>(undefined);
  const label = photographed.value;
  return (
    <section class="classes" aria-label={t.classes}>
      <h2>{t.classes}</h2>
      <NewClass project={project} />
      <ul>
        {project.classes.map((each) => (
          <ClassRow
            key={each}
            project={project}
            label={each}
            onPhotograph={() => {
              photographed.value = each;
            }}
          />
        ))}
      </ul>
      {label !== undefined && (
        <Camera
          label={label}
          onPictures={(pngs) => addSamples(project.id, label, pngs)}
          onClose={() => {
            photographed.value = undefined;
          }}
        />
      )}
    </section>
  );
}

function NewClass({ project }: { readonly project: Project }) {
  const t = texts.value.make;
  const name = useSignal("");
  const add = (event: Event): void => {
    event.preventDefault();
    // Several at once: "A, B, C".
    const names = [...new Set(name.value.split(/[,，、;；\n]/).map((each) => each.trim()))].filter(
      (each) => each !== "",
    );
    const known = names.find((each) => project.classes.includes(each));
    if (known !== undefined) {
      fail(t.sameName(known));
      return;
    }
    if (names.length === 0) return;
    update(project.id, ({ classes }) => ({ classes: [...classes, ...names] }));
    name.value = "";
  };
  return (
    <form class="row new-class" onSubmit={add}>
      <label class="field grow">
        <span>{t.newClass}</span>
        <input
          name="class"
          autocomplete="off"
          placeholder={t.newClassHint}
          value={name.value}
          onInput={(event) => {
            name.value = event.currentTarget.value;
          }}
        />
      </label>
      <button type="submit">
        <Icon name="plus" />
        {t.addClass}
      </button>
    </form>
  );
}

interface ClassRowProps {
  readonly project: Project;
  readonly label: string;
  onPhotograph(): void;
}

function ClassRow({ project, label, onPhotograph }: ClassRowProps) {
  const t = texts.value.make;
  const isOver = useSignal(false);
  const samples = samplesOf(project, label);
  const addFiles = async (files: readonly File[]): Promise<void> => {
    const pictures = files.filter(isPicture);
    if (pictures.length === 0) throw new Error(texts.value.open.picture(files[0]?.name ?? ""));
    const read = await Promise.allSettled(pictures.map((file) => pngOf(file, file.name)));
    const pngs = read.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    addSamples(project.id, label, pngs);
    announce(t.added(label, whole(samples.length + pngs.length)));
    const failed = read.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  };
  const undoable = (text: string): void => say(text, { label: texts.value.undo, run: () => put(project) });
  return (
    <li
      class={isOver.value ? "class over" : "class"}
      onDragOver={() => {
        isOver.value = true;
      }}
      onDragLeave={() => {
        isOver.value = false;
      }}
      onDrop={(event) => {
        isOver.value = false;
        const files = [...(event.dataTransfer?.files ?? [])];
        // A model is for the page.
        if (!files.some(isPicture)) return;
        event.preventDefault();
        attempt(() => addFiles(files));
      }}
    >
      <div class="head">
        <ClassName project={project} label={label} />
        <span class="soft count">{t.samples(whole(samples.length))}</span>
        <FileButton
          accept={IMAGE_TYPES}
          isMultiple
          label={t.files}
          title={t.filesFor(label)}
          icon="picture"
          class="small"
          onFiles={(files) => attempt(() => addFiles(files))}
        />
        <button type="button" class="small" aria-label={t.cameraFor(label)} onClick={onPhotograph}>
          <Icon name="camera" />
          {t.camera}
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label={t.removeClass(label)}
          onClick={() => {
            update(project.id, ({ classes, samples: all }) => ({
              classes: classes.filter((each) => each !== label),
              samples: all.filter((sample) => sample.label !== label),
            }));
            undoable(t.classRemoved(label));
          }}
        >
          <Icon name="bin" />
        </button>
      </div>
      {samples.length === 0 ? (
        <p class="soft">{t.noSamples}</p>
      ) : (
        <ol class="samples">
          {samples.map(({ id, png }, i) => (
            <li key={id}>
              <button
                type="button"
                class="sample"
                aria-label={t.removeSample(label, whole(i + 1))}
                title={texts.value.remove}
                onClick={() => {
                  update(project.id, ({ samples: all }) => ({ samples: all.filter((sample) => sample.id !== id) }));
                  undoable(t.sampleRemoved);
                }}
              >
                <BlobPicture blob={png} alt="" />
              </button>
            </li>
          ))}
        </ol>
      )}
    </li>
  );
}

/** The name of a class, to be changed in its place. */
function ClassName({ project, label }: { readonly project: Project; readonly label: string }) {
  const t = texts.value.make;
  return (
    <input
      class="name"
      value={label}
      aria-label={t.className(label)}
      onChange={(event) => {
        const field = event.currentTarget;
        const name = field.value.trim();
        if (name === label) return;
        if (name === "" || project.classes.includes(name)) {
          field.value = label;
          if (name !== "") fail(t.sameName(name));
          return;
        }
        update(project.id, ({ classes, samples }) => ({
          classes: classes.map((each) => (each === label ? name : each)),
          samples: samples.map((sample) => (sample.label === label ? { ...sample, label: name } : sample)),
        }));
      }}
    />
  );
}
