/** Draws docs/pictures.jpg, one picture of every scene and what a network gets of it: `npm run build && node docs/pictures-picture.mjs`. */
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { WAYS } from "../bench/lib/digit-strokes.mjs";
import { photograph } from "../bench/lib/photograph.mjs";
import { SCENES } from "../bench/lib/scenes.mjs";
import { Random } from "../dist/engine/random.js";
import { applyPreprocessing } from "../dist/picture/preprocess.js";
import { MNIST_PREPROCESSING } from "../dist/picture/preprocessing.js";
import { nodePlatform } from "../dist/platform/node/platform.js";

const [photo, input, gap, columns] = [132, 84, 8, 4];
const names = Object.keys(SCENES).filter((name) => SCENES[name].jpeg !== undefined);
const tiles = await Promise.all(
  names.map(async (name, k) => {
    const { bytes } = await photograph((5 * k + 3) % WAYS.length, name, new Random(7, "user", k));
    const gray = applyPreprocessing(MNIST_PREPROCESSING, await nodePlatform.decodePicture(bytes));
    const left = gap + (k % columns) * (photo + input + 2 * gap);
    const top = gap + Math.floor(k / columns) * (photo + gap);
    return [
      { input: await sharp(bytes).resize(photo, photo).png().toBuffer(), left, top },
      {
        input: await sharp(gray, { raw: { width: 28, height: 28, channels: 1 } })
          .resize(input, input, { kernel: "nearest" })
          .png()
          .toBuffer(),
        left: left + photo,
        top: top + (photo - input) / 2,
      },
    ];
  }),
);
await sharp({
  create: {
    width: columns * (photo + input + 2 * gap),
    height: gap + Math.ceil(names.length / columns) * (photo + gap),
    channels: 3,
    background: "#808080",
  },
})
  .composite(tiles.flat())
  .jpeg({ quality: 80, mozjpeg: true })
  .toFile(fileURLToPath(new URL("pictures.jpg", import.meta.url)));
