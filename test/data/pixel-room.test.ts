/** Room for decoded pictures: huge ones come one after the other, in order, and nobody waits for ever. */
import { expect, it } from "vitest";
import { PixelRoom } from "../../src/platform/node/pixel-room.ts";

/** The first bytes of a PNG file of this size. */
function png(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  new DataView(bytes.buffer).setUint32(16, width);
  new DataView(bytes.buffer).setUint32(20, height);
  return bytes;
}

/** Takes room for files of so many megapixels, and says which have it by now. */
async function asked(room: PixelRoom, ...megapixels: readonly number[]): Promise<number[]> {
  const entered: number[] = [];
  for (const [i, size] of megapixels.entries()) {
    const file = Promise.resolve(png(1000, size * 1000));
    void room.take(file).then(() => entered.push(i));
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  return entered;
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

it("lets small pictures in together, and huge ones one by one in their order", async () => {
  const room = new PixelRoom();
  const entered = await asked(room, 1, 2, 50, 40, 90, 3);
  expect(entered).toEqual([0, 1, 2]);
  room.give(1e6);
  room.give(2e6);
  await settled();
  expect(entered).toEqual([0, 1, 2]);
  room.give(50e6);
  await settled();
  expect(entered).toEqual([0, 1, 2, 3]);
  room.give(40e6);
  await settled();
  // Larger than the room: alone.
  expect(entered).toEqual([0, 1, 2, 3, 4]);
  room.give(90e6);
  await settled();
  expect(entered).toEqual([0, 1, 2, 3, 4, 5]);
});

it("goes on behind a file that cannot be read, and turns away who waits when it is closed", async () => {
  const room = new PixelRoom();
  const broken = room.take(Promise.reject(new Error("gone")));
  await expect(broken).rejects.toThrow("gone");
  await room.take(Promise.resolve(png(8000, 8000)));
  const waiting = room.take(Promise.resolve(png(8000, 8000)));
  room.close();
  await expect(waiting).rejects.toThrow(/was stopped/);
});
