/** Opens the model that a user names on the command line, and says where it was found if that is not the path itself. */
import type { AnyModel } from "../models/model.ts";
import { pathKind } from "../platform/node/files.ts";
import { locate } from "../use/locate.ts";
import { isPackaged, loadPackaged } from "../use/packaged.ts";
import { load, type TrainedModel } from "../use/trained-model.ts";
import { showNotes, type Terminal } from "./terminal.ts";

/**
 * The name of a model that comes with Ductus (use/packaged.ts) means that one, unless there is a file or folder of that name.
 * @throws DuctusError when it cannot be read; DataError when it is no model, which says what it is and what to do with it
 */
export async function openModel(path: string, terminal: Terminal): Promise<TrainedModel> {
  if (isPackaged(path) && (await pathKind(path)) === "nothing") {
    return (await loadPackaged(path)) as AnyModel as TrainedModel;
  }
  const { path: file, notes } = await locate(path, "model");
  showNotes(terminal, notes);
  return load(file);
}
