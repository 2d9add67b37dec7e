/** A thread that asks a server for its health, one request after the other, and says how long each took (ms). */
import { get } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

const { port, pause } = workerData;
const latencies = [];
let isOver = false;
parentPort.once("message", () => {
  isOver = true;
});
while (!isOver) {
  const began = performance.now();
  await new Promise((resolve) => {
    // A connection of its own each time, as a load balancer's check has.
    const asked = get({ port, host: "127.0.0.1", path: "/v2/health/live", agent: false }, (answer) => {
      answer.resume().on("end", resolve);
    });
    asked.on("error", resolve);
  });
  latencies.push(performance.now() - began);
  await new Promise((resolve) => setTimeout(resolve, pause));
}
parentPort.postMessage(latencies);
