/**
 * A contender in a process of its own, spoken to by lines of JSON: `{"do": "hello" | "open" | "measure" | "close", …}` to
 * its standard input, one answer for each on its standard output. `{"error": "one line"}` means that it cannot.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** No single request takes longer unless something hangs. */
const PATIENCE = 300_000;

/** A peer that cannot take part, or not in this; the message says why, and how that can be changed. */
export class Unavailable extends Error {}

export class Child {
  #process;
  #answers = [];
  #last = "";
  #ended;

  constructor(command, args, env = {}) {
    this.#process = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#answers.shift()?.(JSON.parse(line)));
    createInterface({ input: this.#process.stderr }).on("line", (line) => {
      if (line.trim() !== "") this.#last = line.trim();
    });
    const end = (reason) => {
      this.#ended ??= reason;
      for (const answer of this.#answers.splice(0)) answer({ error: this.#ended });
    };
    this.#process.on("error", (error) => end(`${command} does not start (${error.code ?? error.message})`));
    this.#process.on("close", (code) => end(`${command} ended with status ${code}: ${this.#last}`));
    this.#process.stdin.on("error", () => {}); // "close" tells
  }

  /** Sends a request and waits for its answer. @throws Unavailable with the child's reason */
  async ask(request) {
    if (this.#ended !== undefined) throw new Unavailable(this.#ended);
    const answer = await new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve({ error: `no answer in ${PATIENCE / 1000} s` });
        this.#process.kill();
      }, PATIENCE);
      this.#answers.push((value) => {
        clearTimeout(timer);
        resolve(value);
      });
      this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    });
    if (answer.error !== undefined) throw new Unavailable(answer.error);
    return answer;
  }

  /** Opens a task, as {@link Ductus.open} does. */
  async open(task) {
    const { note, batch } = await this.ask({ do: "open", task });
    return {
      note,
      batch,
      measure: async (seconds) => (await this.ask({ do: "measure", seconds })).rate,
      close: () => this.ask({ do: "close" }),
    };
  }

  close() {
    this.#process.stdin.end();
    this.#process.kill();
  }
}
