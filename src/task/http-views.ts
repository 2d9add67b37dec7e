/** What servers say of each kind of task (http.ts), loaded when a model of it is served. */
import { http as classify } from "./classify/http.ts";
import type { AnyHttpView } from "./http.ts";
import type { TaskKind } from "./task.ts";

export const HTTP_VIEWS: Readonly<Record<TaskKind, () => Promise<AnyHttpView>>> = {
  // Not on demand: service workers, in which handlers may run, have no import().
  classify: async () => classify,
  transcribe: async () => (await import("./transcribe/http.ts")).http,
  generate: async () => (await import("./generate/http.ts")).http,
};
