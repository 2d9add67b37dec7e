/**
 * Loaded into a child process with --import: kills it, by SIGKILL, at the file operation number DUCTUS_KILL_AT of those
 * that change files; a write is cut in half first.
 */
import fs from "node:fs";

let left = Number(process.env.DUCTUS_KILL_AT);
const isLast = () => --left === 0;
const die = () => process.kill(process.pid, "SIGKILL");

const { open, rename } = fs.promises;
fs.promises.open = async (path, flags, ...rest) => {
  const handle = await open(path, flags, ...rest);
  if (flags === "r" || flags === undefined) return handle;
  const write = handle.writeFile.bind(handle);
  handle.writeFile = async (data) => {
    if (!isLast()) return write(data);
    await write(data.slice(0, data.length >> 1));
    die();
  };
  return handle;
};
fs.promises.rename = async (from, to) => {
  if (isLast()) die();
  await rename(from, to);
  if (isLast()) die();
};
