/** What a connection may have under way: one request at a time, nothing without end for who does not read, turns for all. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import { type Listening, listen } from "../../src/serve/node/serve.ts";

let server: Listening | undefined;
afterEach(() => server?.stop(0));

async function open(answer: (request: Request) => Response | Promise<Response>, limits = {}): Promise<number> {
  server = await listen(answer, { host: "127.0.0.1", port: 0, timeout: 5000, ...limits });
  return Number(new URL(server.url).port);
}
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it("answers requests that were sent ahead, with bodies among them, one at a time and in order", async () => {
  let underWay = 0;
  let most = 0;
  const port = await open(async (request) => {
    most = Math.max(most, ++underWay);
    const body = await request.text();
    await pause(1);
    underWay--;
    return new Response(`${new URL(request.url).pathname}:${body.length};`);
  });
  const socket = connect(port, "127.0.0.1");
  const large = "x".repeat(300_000);
  const post = `POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${large.length}\r\n\r\n${large}`;
  socket.write(get("/1") + post + get("/2") + post + get("/3"));
  let text = "";
  for await (const chunk of socket) {
    text += chunk;
    if (text.includes("/3:")) break;
  }
  expect(text.match(/\/[\dp]:\d+;/g)).toEqual(["/1:0;", "/p:300000;", "/2:0;", "/p:300000;", "/3:0;"]);
  expect(most).toBe(1);
});

it("begins no more of what nobody reads, and answers others meanwhile", async () => {
  let begun = 0;
  const port = await open((request) => {
    if (request.url.endsWith("/large")) begun++;
    return new Response("y".repeat(200_000));
  });
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.pause();
  socket.write(get("/large").repeat(5000));
  let before = -1;
  while (before !== begun) {
    before = begun;
    await pause(500);
  }
  expect(before).toBeLessThan(200); // what the system keeps of a connection is some megabytes
  expect((await fetch(`http://127.0.0.1:${port}/small`)).status).toBe(200);
  await pause(300);
  expect(begun).toBe(before);
  socket.destroy();
});

it("cuts off who does not read an answer in time", async () => {
  const port = await open(() => new Response("z".repeat(30_000_000)), { timeout: 300 });
  const socket = connect(port, "127.0.0.1");
  socket.pause();
  socket.write(get("/"));
  await pause(1500);
  socket.resume().on("error", () => {});
  let received = 0;
  socket.on("data", (chunk) => {
    received += chunk.length;
  });
  await once(socket, "close");
  expect(received).toBeLessThan(30_000_000);
});
