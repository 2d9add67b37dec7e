/** How fast programs are in a page of Chromium, beside Node. */
import { Ductus } from "../lib/ductus.mjs";
import { PageDuctus } from "../lib/page.mjs";
import { figure, table } from "../lib/table.mjs";
import { findKind, TUTORIAL_NETWORKS, taskOf } from "../lib/tasks.mjs";
import { geometricMean, median } from "../lib/timing.mjs";
import { OPTIONS } from "../lib/usage.mjs";

export const subject = {
  summary: "training in a page of Chromium, beside Node",
  about: "The page is cross-origin isolated and trains in a worker. Rounds are interleaved: Node, page, Node, …",
  options: {
    networks: OPTIONS.networks(TUTORIAL_NETWORKS.join(",")),
    threads: OPTIONS.threads(),
    seconds: OPTIONS.seconds("0.5"),
    rounds: OPTIONS.rounds("5"),
  },
  examples: ["--networks cnn-3x3 --rounds 11"],

  async measure({ networks, threads, seconds, rounds }, say) {
    const page = await PageDuctus.start();
    const node = new Ductus({ threads });
    const cells = [];
    try {
      for (const network of networks) {
        say(`${network} …`);
        const task = taskOf(findKind("training"), network, threads);
        const opened = { node: await node.open(task), page: await page.open(task) };
        const cell = { network, node: [], page: [] };
        for (let turn = 0; turn < rounds; turn++) {
          for (const where of ["node", "page"]) cell[where].push(await opened[where].measure(seconds));
        }
        await opened.node.close();
        cells.push(cell);
      }
      return { versions: { ...page.versions, node: process.version }, backend: page.description, cells };
    } finally {
      await node.close();
      await page.close();
    }
  },

  format({ versions, backend, cells }) {
    const ratios = cells.map(({ node, page }) => median(page.map((rate, turn) => rate / node[turn])));
    const rows = cells.map(({ network, node, page }, i) => [
      network,
      figure(median(node)),
      figure(median(page)),
      figure(ratios[i]),
    ]);
    const mean = ["geometric mean", "", "", figure(geometricMean(ratios))];
    const head = ["training, images/s", `Node ${versions.node}`, `Chromium ${versions.chromium.split(".")[0]}`, "×"];
    return `${table([head, ...rows, mean])}\n\nIn the page: ${backend}.`;
  },
};
