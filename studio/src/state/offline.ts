/**
 * Registers the service worker, which keeps the page for use without a network and isolates it where the host's headers do
 * not, so that threads work. That takes a second load, which comes by itself as long as nobody has begun anything.
 */
import { job } from "./job.ts";
import { ink } from "./pad.ts";
import { projects } from "./projects.ts";

export async function keepOffline(): Promise<void> {
  // Only over https, and on this machine.
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    const isUntouched = ink.isEmpty && job.value === undefined && projects.value.length === 0;
    if (!crossOriginIsolated && isUntouched) location.reload();
  });
  await navigator.serviceWorker.register("./sw.js");
}
