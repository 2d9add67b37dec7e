/** HTTP clients that cost little themselves: one socket each, requests made beforehand, answers read as far as needed. */
import { once } from "node:events";
import { connect } from "node:net";

/**
 * Sends one request after the other, over `clients` connections at a time.
 * @param request the bytes of one
 * @returns {{ rate, latencies }} requests/s, and ms of each
 */
export async function load({ port, request, clients, seconds }) {
  const latencies = [];
  const began = performance.now();
  const end = began + seconds * 1000;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const socket = connect(port, "127.0.0.1").setNoDelay(true);
      await once(socket, "connect");
      const next = answers(socket);
      while (performance.now() < end) {
        const sent = performance.now();
        socket.write(request);
        const status = await next();
        if (status !== 200) throw new Error(`the server answered with ${status}`);
        latencies.push(performance.now() - sent);
      }
      socket.destroy();
    }),
  );
  return { rate: (latencies.length * 1000) / (performance.now() - began), latencies };
}

const HEAD_END = Buffer.from("\r\n\r\n");

/** A function that waits for the next answer and returns its status. */
function answers(socket) {
  let received = Buffer.alloc(0);
  let waiting;
  const take = () => {
    const head = received.indexOf(HEAD_END);
    if (head < 0) return;
    const text = received.toString("latin1", 0, head);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1]);
    if (!(length >= 0)) return waiting.reject(new Error("an answer without a length"));
    const whole = head + HEAD_END.length + length;
    if (received.length < whole) return;
    received = received.subarray(whole);
    waiting.resolve(Number(text.slice(9, 12)));
  };
  socket.on("data", (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    take();
  });
  socket.on("error", (error) => waiting?.reject(error));
  return () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
}

/** A value below which the given share of all lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}
