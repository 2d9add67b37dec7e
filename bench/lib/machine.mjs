/** What the numbers were measured on. */
import { loadavg } from "node:os";
import { describeEnvironment } from "../../dist/platform/node/environment.js";
import { VERSION } from "../../dist/platform/version.js";

export function machine() {
  return { ...describeEnvironment(VERSION), load: loadavg()[0], date: new Date().toISOString() };
}

/** Two lines for the head of a report. */
export function describeMachine({ processor, cores, system, runtime, v8, load, date }) {
  const busy =
    load > 0.5 ? `; load ${load.toFixed(1)} at the start: others use this machine, so take no ratio for exact` : "";
  return `${processor}, ${cores} cores, ${system}; ${runtime}, V8 ${v8}\n${date.slice(0, 16).replace("T", " ")} UTC${busy}`;
}
