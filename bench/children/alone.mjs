/** A process that trains or infers with one thread when its parent says so: several show what the machine itself can do at once. */
import { Ductus } from "../lib/ductus.mjs";

const ductus = new Ductus({ threads: 1 });
let opened;
process.on("message", async ({ task, seconds }) => {
  if (task !== undefined) {
    await opened?.close();
    opened = await ductus.open(task);
    process.send("ready");
  } else process.send(await opened.measure(seconds));
});
