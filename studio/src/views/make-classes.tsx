/** The classes of a recognizer in the making, each with its samples: named, filled from files and camera, and thinned here. */
import { useSignal } from "@preact/signals";
import { texts, whole } from "../i18n/i18n.ts";
import { chosenFiles, droppedFiles, hasFolder, type Incoming, readable } from "../state/incoming.ts";
import { announce, attempt, dismiss, fail, report, say } from "../state/notices.ts";
import { addSamples, type Project, put, samplesOf, update } from "../state/projects.ts";
import { BlobPicture } from "../ui/blob-picture.tsx";
import { Camera } from "../ui/camera.tsx";
import { FileButton } from "../ui/file-button.tsx";
import { Icon } from "../ui/icons.tsx";
import { IMAGE_TYPES, isPicture } from "../ui/pictures.ts";

export function Classes({ project }: { readonly project: Project }) {
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
          heading={texts.value.camera.heading(label)}
          hint={texts.value.camera.hint}
          shot="sign"
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
  const addFiles = async (files: readonly Incoming[]): Promise<void> => {
    const problems: string[] = [];
    const pngs = await readable(files, problems);
    addSamples(project.id, label, pngs);
    announce(t.added(label, whole(samples.length + pngs.length)));
    if (problems.length > 0) report(texts.value.open.someFailed, problems);
    else dismiss();
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
        const { dataTransfer } = event;
        // Models and archives are for the page.
        if (dataTransfer === null || !(hasFolder(dataTransfer) || [...dataTransfer.files].some(isPicture))) return;
        event.preventDefault();
        const files = droppedFiles(dataTransfer);
        attempt(async () => addFiles(await files));
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
          onFiles={(files) => attempt(() => addFiles(chosenFiles(files)))}
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
