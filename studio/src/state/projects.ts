/** Recognizers in the making: their classes and samples. Every change is kept in the browser's storage at once. */
import { signal } from "@preact/signals";
import {
  type Project,
  removeProject as removeStored,
  type StoredSample,
  saveProject,
  projects as storedProjects,
} from "../store/store.ts";
import { fail } from "./notices.ts";

export type { Project, StoredSample };

export const projects = signal<readonly Project[]>([]);

export async function loadProjects(): Promise<void> {
  projects.value = await storedProjects();
}

export function createProject(name: string): Project {
  const project: Project = { id: crypto.randomUUID(), name, classes: [], samples: [], changedAt: Date.now() };
  put(project);
  return project;
}

/** Changes a recognizer, if it is still there. */
export function update(id: string, change: (project: Project) => Partial<Project>): void {
  const project = projects.value.find((each) => each.id === id);
  if (project !== undefined) put({ ...project, ...change(project), changedAt: Date.now() });
}

export function removeProject(id: string): void {
  projects.value = projects.value.filter((project) => project.id !== id);
  removeStored(id).catch(fail);
}

export function put(project: Project): void {
  const others = projects.value.filter(({ id }) => id !== project.id);
  projects.value = [project, ...others].sort((a, b) => b.changedAt - a.changedAt);
  saveProject(project).catch(fail);
}

/** Adds classes that are not there yet. */
export const addClasses = (id: string, names: readonly string[]): void =>
  update(id, ({ classes }) => ({ classes: [...new Set([...classes, ...names])] }));

export const addSamples = (id: string, label: string, pngs: readonly Blob[]): void =>
  update(id, ({ samples }) => ({
    samples: [...samples, ...pngs.map((png) => ({ id: crypto.randomUUID(), label, png }))],
  }));

export const samplesOf = ({ samples }: Project, label: string): readonly StoredSample[] =>
  samples.filter((sample) => sample.label === label);

/** What a model was trained on, to see whether that has changed since. */
export const contentOf = ({ classes, samples }: Project): string =>
  [...classes, "", ...samples.map(({ id, label }) => `${id} ${label}`)].join("\n");
