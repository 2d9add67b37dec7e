/** Structured logs: one JSON object a line. */

export type Level = "info" | "warn" | "error";

/** Writes one event. Fields that are undefined are left out. */
export type Log = (level: Level, event: string, fields?: Readonly<Record<string, unknown>>) => void;

/** A log that gives its lines to `write`. */
export function jsonLog(write: (line: string) => void): Log {
  return (level, event, fields) => write(JSON.stringify({ time: new Date().toISOString(), level, event, ...fields }));
}
