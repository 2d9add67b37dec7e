/** Training steps of models of sequences, beside PyTorch. */
import { fileURLToPath } from "node:url";
import { nodeWasmBackend } from "../../dist/platform/node/threads.js";
import { SEQUENCES, sequenceStep } from "../lib/sequences.mjs";
import { figure, table } from "../lib/table.mjs";
import { median, stepsPerSecond } from "../lib/timing.mjs";
import { names, OPTIONS } from "../lib/usage.mjs";
import { Child, Unavailable } from "../peers/child.mjs";
import { KEEP_PAGES } from "../peers/peers.mjs";

const PEER = fileURLToPath(new URL("../peers/sequences_pytorch.py", import.meta.url));

export const subject = {
  summary: "training steps of models of sequences beside PyTorch",
  about: `Forward, backward and AdamW, without dropout. PyTorch runs its fused attention, with all threads and with one, and the
faster counts. Rounds are interleaved; "time" is Ductus' time for a step divided by PyTorch's in the same round.`,
  options: {
    models: {
      value: "a,b",
      default: Object.keys(SEQUENCES).join(","),
      read: names("model", Object.keys(SEQUENCES)),
      about: "models, or all",
    },
    threads: OPTIONS.threads(),
    seconds: OPTIONS.seconds("2"),
    rounds: OPTIONS.rounds("5"),
    strict: OPTIONS.strict(),
  },
  examples: ["--models gpt-small --rounds 11"],

  async measure({ models, threads, seconds, rounds, strict }, say) {
    const backend = nodeWasmBackend({ threads, strict });
    const notes = [];
    const rows = [];
    for (const model of models) {
      say(`${model} …`);
      const started = performance.now();
      const { graph, feed, tokens } = sequenceStep(model);
      const program = await backend.compile(graph);
      const compiled = (performance.now() - started) / 1000;
      feed(program.inputs);
      const { parameters, arena } = program.memory;
      const row = { model, compiled, memory: parameters + arena, ductus: [], pytorch: [] };
      await stepsPerSecond(() => program.run(), seconds / 4);
      const peer = await startPeer({ model, threads }, notes);
      for (let turn = 0; turn < rounds; turn++) {
        row.ductus.push((await stepsPerSecond(() => program.run(), seconds)) * tokens);
        if (peer !== undefined) row.pytorch.push((await peer.measure(seconds)) * tokens);
      }
      await peer?.close();
      program.dispose();
      rows.push(row);
    }
    await backend.close();
    return { backend: backend.description, notes, rows };
  },

  format({ backend, notes, rows }) {
    const body = rows.map(({ model, compiled, memory, ductus, pytorch }) => {
      const { about, batch, time } = SEQUENCES[model];
      const ratio = median(pytorch.map((rate, turn) => rate / ductus[turn]));
      const peer = pytorch.length === 0 ? ["–", "–"] : [figure(median(pytorch)), figure(ratio)];
      const own = [figure(median(ductus)), ...peer, figure(memory / 1e6), figure(compiled)];
      return [`${model}: ${about}; ${batch}×${time}`, ...own];
    });
    const heads = ["tokens/s", "Ductus", "PyTorch", "time", "MB", "compiled, s"];
    return [`ductus runs as: ${backend}`, "", table([heads, ...body]), ...notes].join("\n");
  },
};

/** PyTorch with a model opened; undefined, and a note, where it is missing. */
async function startPeer(task, notes) {
  const child = new Child(process.env.PYTHON || "python3", [PEER], { ...KEEP_PAGES, PYTHONDONTWRITEBYTECODE: "1" });
  try {
    const opened = await child.open(task);
    notes.push(`PyTorch, ${task.model}: ${opened.note}`);
    return {
      measure: opened.measure,
      close: async () => {
        await opened.close();
        child.close();
      },
    };
  } catch (error) {
    child.close();
    if (!(error instanceof Unavailable)) throw error;
    notes.push(`PyTorch: left out, ${error.message} (pip install torch, and set PYTHON to that Python)`);
    return undefined;
  }
}
