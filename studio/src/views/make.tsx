/** Make: recognizers of one's own. The list of them; one of them is make-one.tsx. */
import { date, texts, whole } from "../i18n/i18n.ts";
import { say } from "../state/notices.ts";
import { createProject, type Project, projects, put, removeProject } from "../state/projects.ts";
import { address, go, route } from "../state/route.ts";
import { BlobPicture } from "../ui/blob-picture.tsx";
import { Icon } from "../ui/icons.tsx";
import { Rulings } from "../ui/pad.tsx";
import { MakeOne, OpenButtons } from "./make-one.tsx";

export function MakeView() {
  const { id } = route.value;
  const project = projects.value.find((each) => each.id === id);
  return project === undefined ? <List /> : <MakeOne key={project.id} project={project} />;
}

function List() {
  const t = texts.value.make;
  const start = (): void => void go("make", createProject(t.untitled).id);
  const isEmpty = projects.value.length === 0;
  return (
    <>
      <div class="title">
        <h1>{t.heading}</h1>
        <p class="lead">{t.lead}</p>
      </div>
      <div>
        <div class="row wrap">
          <button type="button" class="primary" onClick={start}>
            <Icon name="plus" />
            {isEmpty ? t.first : t.fresh}
          </button>
          <OpenButtons />
        </div>
        <p class="soft hint">{t.openHint}</p>
      </div>
      {isEmpty ? (
        <>
          <p class="soft">{t.empty}</p>
          <div class="blanks" aria-hidden="true">
            {["A", "ß", "永"].map((sign) => (
              <span key={sign} class="sheet">
                <Rulings />
                {sign}
              </span>
            ))}
          </div>
        </>
      ) : (
        <section aria-label={t.yours}>
          <h2>{t.yours}</h2>
          <ul class="projects">
            {projects.value.map((project) => (
              <Card key={project.id} project={project} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

/** Samples shown of each recognizer. */
const SHOWN = 6;

function Card({ project }: { readonly project: Project }) {
  const t = texts.value.make;
  const { id, name, classes, samples, changedAt } = project;
  return (
    <li class="project">
      <a href={address("make", id)}>
        <span class="samples" aria-hidden="true">
          {firstOfEach(project).map((sample) => (
            <BlobPicture key={sample.id} blob={sample.png} alt="" />
          ))}
        </span>
        <b>{name}</b>
        <span class="soft">
          {t.summary(whole(classes.length), whole(samples.length))} · {date(changedAt)}
        </span>
      </a>
      <button
        type="button"
        class="icon-button"
        aria-label={`${t.deleteProject}: ${name}`}
        onClick={() => {
          removeProject(id);
          say(t.projectRemoved(name), { label: texts.value.undo, run: () => put(project) });
        }}
      >
        <Icon name="bin" />
      </button>
    </li>
  );
}

const firstOfEach = ({ classes, samples }: Project) =>
  classes.flatMap((label) => samples.find((sample) => sample.label === label) ?? []).slice(0, SHOWN);
