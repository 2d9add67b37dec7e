/** Where Ductus keeps and looks for files on this machine. */
import { homedir } from "node:os";
import { join } from "node:path";

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The folder of downloaded data: `$XDG_CACHE_HOME/ductus`, `~/.cache/ductus`, on Windows `%LOCALAPPDATA%\ductus\cache`. */
export function defaultCacheDir(env: Environment = process.env): string {
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, "ductus");
  if (process.platform === "win32" && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, "ductus", "cache");
  return join(homedir(), ".cache", "ductus");
}

/** The folder that the user says holds data sets, one folder each: `DUCTUS_DATA`. */
export function defaultDataDir(env: Environment = process.env): string | undefined {
  return env.DUCTUS_DATA || undefined;
}

/** Whether the user forbids the network: `DUCTUS_OFFLINE` set to anything but 0. */
export function isOffline(env: Environment = process.env): boolean {
  return env.DUCTUS_OFFLINE !== undefined && env.DUCTUS_OFFLINE !== "" && env.DUCTUS_OFFLINE !== "0";
}
