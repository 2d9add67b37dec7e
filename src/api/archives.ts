/**
 * Archives and the studio's project files. Their code is fetched when it is first called, so that pages that need
 * neither load neither. Part of an entry point.
 */
import type { Archive, ArchiveLimits } from "../formats/archive.ts";

/** Reads a ZIP archive by anybody, within limits; see {@link ArchiveLimits}. @throws DataError for what is none, or is too large */
export const readArchive = async (bytes: Uint8Array, name: string, limits: ArchiveLimits): Promise<Archive> =>
  (await import("../formats/archive.ts")).readArchive(bytes, name, limits);

/** Writes a ZIP archive of files by name, stored as they are. Equal content gives equal bytes. */
export const writeArchive = async (entries: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> =>
  (await import("../formats/zip.ts")).writeZip(entries);

/** What reads and writes the project.json of a recognizer in the making, and names its folders. */
export const projectFiles = (): Promise<typeof import("../data/formats/project.ts")> =>
  import("../data/formats/project.ts");
