/** Opens the model that a user names on the command line, and says where it was found if that is not the path itself. */
import { locate } from "../use/locate.ts";
import { load, type TrainedModel } from "../use/trained-model.ts";
import { showNotes, type Terminal } from "./terminal.ts";

/** @throws DuctusError when it cannot be read; DataError when it is no model, which says what it is and what to do with it */
export async function openModel(path: string, terminal: Terminal): Promise<TrainedModel> {
  const { path: file, notes } = await locate(path, "model");
  showNotes(terminal, notes);
  return load(file);
}
