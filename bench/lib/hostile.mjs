/**
 * Loads that try to take a server of this machine down, each for some seconds: what is asked for costs much, or is never read,
 * or never comes whole. Meanwhile another thread asks for its health. Only 127.0.0.1 is ever connected to.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";
import sharp from "sharp";
import { quantile } from "./clients.mjs";

const HOST = "127.0.0.1";
const SIDE = 4000;
/** Milliseconds between two questions for health, and between two pieces of a slow body. */
const PAUSE = 20;
const DRIP = 200;
const CONNECTIONS = 2000;
const PIPELINED = 20_000;

const PATHS = { pictures: "/recognise", numbers: "/v1/models/digits:predict" };

const head = (path, length) =>
  Buffer.from(`POST ${path} HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${length}\r\n\r\n`);
const posted = (path, body) => Buffer.concat([head(path, body.length), body]);

/** Kinds of load: a function of one client, which goes on until `isOver()` and counts what it is answered. */
const LOADS = {
  idle: async () => undefined,
  "pictures of 16 million pixels": async () => asking(posted(PATHS.pictures, await drawing(SIDE).png().toBuffer())),
  "JSON of 15 MB": async () =>
    asking(posted(PATHS.numbers, Buffer.from(`{"instances":[[1,2,3]],"a":[${"{},".repeat(5_000_000)}{}]}`))),
  "base64 of 16 MB": async () => {
    const file = await drawing(SIDE / 2)
      .tiff({ compression: "none" })
      .toBuffer();
    return asking(
      posted(PATHS.numbers, Buffer.from(JSON.stringify({ instances: [{ b64: file.toString("base64") }] }))),
    );
  },
  "pipelines that nobody reads": async () => {
    const requests = Buffer.from(`GET /openapi.json HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`.repeat(PIPELINED));
    return (port, isOver) => held(port, isOver, (socket) => socket.pause().write(requests));
  },
  "bodies that hardly come": async () => (port, isOver) =>
    held(port, isOver, (socket) => {
      socket.write(head(PATHS.numbers, 15_000_000));
      const drip = setInterval(() => socket.write("[1,"), DRIP);
      socket.on("close", () => clearInterval(drip));
    }),
  [`${CONNECTIONS} connections`]: async () => async (port, isOver, _, clients) => {
    const requests = Buffer.from(`GET /models HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    const open = () => held(port, isOver, (socket) => socket.write(requests));
    await Promise.all(Array.from({ length: Math.ceil(CONNECTIONS / clients) }, open));
  },
};

export const LOAD_NAMES = Object.keys(LOADS);

function drawing(side) {
  const shape = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"><rect width="100%" height="100%" fill="white"/><path d="M${side / 4} ${side / 5} L${side / 2} ${side / 5} L${side / 3} ${side / 2}" stroke="black" stroke-width="${side / 12}" fill="none"/></svg>`;
  return sharp(Buffer.from(shape)).flatten({ background: "white" });
}

/** A client that sends one request after the other, each on a connection of its own. */
const asking = (request) => async (port, isOver, count) => {
  while (!isOver()) {
    const socket = connect(port, HOST);
    let status = "cut off";
    socket.on("data", (chunk) => {
      status = String(chunk).slice(9, 12);
      socket.destroy();
    });
    socket.on("error", () => {});
    socket.write(request);
    // Who is not answered before the end is not waited for.
    const end = setInterval(() => isOver() && socket.destroy(), 100);
    await once(socket, "close");
    clearInterval(end);
    if (!isOver() || status !== "cut off") count(status);
  }
};

/** A connection that is kept; where the server ends it, there is another a second later. */
async function held(port, isOver, begin) {
  while (!isOver()) {
    const socket = connect(port, HOST);
    socket.on("error", () => {});
    begin(socket);
    let isClosed = false;
    socket.on("close", () => {
      isClosed = true;
    });
    while (!isOver() && !isClosed) await new Promise((resolve) => setTimeout(resolve, 250));
    socket.destroy();
    if (!isOver()) await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/**
 * Puts one load on a server.
 * @param server a process of its own, fresh: its peak of memory is taken as that under the load
 * @returns {{ name, median, p99, worst, count, peak, statuses }} ms of health and how many answers, MiB, requests by status
 */
export async function attack(name, server, { clients, seconds }) {
  const client = await LOADS[name]();
  const health = new Worker(new URL("../children/health.mjs", import.meta.url), {
    workerData: { port: server.port, pause: PAUSE },
  });
  const end = performance.now() + seconds * 1000;
  const isOver = () => performance.now() >= end;
  const statuses = {};
  const count = (status) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
  };
  const wait = new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const loads =
    client === undefined ? [] : Array.from({ length: clients }, () => client(server.port, isOver, count, clients));
  await Promise.all([wait, ...loads]);
  health.postMessage("over");
  const [latencies] = await once(health, "message");
  const status = await readFile(`/proc/${server.child.pid}/status`, "utf8").catch(() => "");
  const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  const [half, p99] = [0.5, 0.99].map((share) => quantile(latencies, share));
  return { name, median: half, p99, worst: Math.max(...latencies), count: latencies.length, peak, statuses };
}
