/** A training process whose memory is measured: `node train.mjs NETWORK IMAGES THREADS`; one epoch of `fit`. */
import { fit, models } from "../../dist/index.js";
import { syntheticSet } from "../lib/synthetic.mjs";

const [network, images, threads] = process.argv.slice(2);
await fit(models.create(network), syntheticSet(Number(images)), { epochs: 1, threads: Number(threads) });
// Kibibytes on every system.
console.log(JSON.stringify({ peak: process.resourceUsage().maxRSS * 1024 }));
