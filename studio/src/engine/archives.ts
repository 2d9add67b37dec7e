/**
 * Archives in and out of the page, in a worker: projects that are saved, and what is opened or dropped. A saved project is a
 * ZIP that `ductus train --data` reads once it is unpacked.
 */
import { projectFiles, readArchive, writeArchive } from "ductus";
import type { ProjectSettings, SavedProject, Unpacked } from "./protocol.ts";

/** A stranger's archive may be a trap; somebody's own pictures are far below this. */
const LIMITS = { entries: 20_000, bytes: 512_000_000, fileBytes: 32_000_000 };

export async function pack({ name, classes, samples }: SavedProject): Promise<Blob> {
  const { formatProject, PROJECT_FILE, projectFolders } = await projectFiles();
  const folders = projectFolders(classes);
  const named = Array.from(folders, ([label, folder]) => ({ name: label, folder }));
  const json = formatProject({ name, classes: named });
  const entries = new Map([[PROJECT_FILE, new TextEncoder().encode(json) as Uint8Array]]);
  const counts = new Map<string, number>();
  for (const { label, png } of samples) {
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    const path = `${folders.get(label)}/${`${count}`.padStart(4, "0")}.png`;
    entries.set(path, new Uint8Array(await png.arrayBuffer()));
  }
  return new Blob([(await writeArchive(entries)) as Uint8Array<ArrayBuffer>], { type: "application/zip" });
}

/** @throws DataError for what is no archive, or is larger than any project */
export async function unpack(archive: Blob, name: string): Promise<Unpacked> {
  if (archive.size > LIMITS.bytes) throw new Error(`${name} is larger than ${LIMITS.bytes / 1e6} MB`);
  const { files, refused } = await readArchive(new Uint8Array(await archive.arrayBuffer()), name, LIMITS);
  return { files: Array.from(files, ([path, bytes]) => ({ path, content: new Blob([bytes]) })), refused };
}

export const parseSettings = async (json: string): Promise<ProjectSettings | undefined> =>
  (await projectFiles()).parseProject(json);
