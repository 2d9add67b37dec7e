/** Peak memory of a training process, beside PyTorch's. */
import { nodeScript, pythonScript, runJson } from "../lib/processes.mjs";
import { figure, table } from "../lib/table.mjs";
import { TUTORIAL_NETWORKS } from "../lib/tasks.mjs";
import { number, OPTIONS } from "../lib/usage.mjs";

export const subject = {
  summary: "peak memory of a training process, beside PyTorch's",
  about: `Each is a process of its own that goes once through the same number of pictures, held as bytes in memory: the peak of
its resident set. PyTorch has its default layout and glibc's defaults here, with which it needs least.`,
  options: {
    networks: OPTIONS.networks(TUTORIAL_NETWORKS.join(",")),
    images: { value: "N", default: "10000", read: number(1, true), about: "pictures in memory" },
    threads: OPTIONS.threads(),
    "no-peers": { about: "Ductus alone" },
  },
  examples: ["--networks cnn-same --images 60000"],

  async measure({ networks, images, threads, "no-peers": noPeers }, say) {
    const rows = [];
    const notes = new Set();
    for (const network of networks) {
      say(`${network} …`);
      const ductus = (await runJson(nodeScript("children/train.mjs", network, images, threads))).result.peak;
      let pytorch;
      if (!noPeers) {
        try {
          pytorch = (await runJson(pythonScript("peers/memory_pytorch.py", network, images, threads))).result.peak;
        } catch (error) {
          notes.add(`pytorch: left out, ${error.message}`);
        }
      }
      rows.push({ network, ductus, pytorch });
    }
    return { rows, notes: [...notes] };
  },

  format({ rows, notes }) {
    const mib = (bytes) => (bytes === undefined ? "–" : figure(bytes / 2 ** 20));
    const share = ({ ductus, pytorch }) => (pytorch === undefined ? "–" : figure(ductus / pytorch));
    const body = rows.map((row) => [row.network, mib(row.ductus), mib(row.pytorch), share(row)]);
    return [table([["peak, MiB", "ductus", "pytorch", "of it"], ...body]), ...notes].join("\n");
  },
};
