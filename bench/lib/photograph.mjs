/** The camera for drawn-digits.mjs: shadows, lamps, folds, shaking hands, grain, blur and JPEG. */
import sharp from "sharp";
import { drawDigit } from "./drawn-digits.mjs";

/**
 * One digit in one scene, seen by the scene's camera.
 * @returns {Promise<{ digit, bytes, extension }>}: what is written, and a PNG or JPEG file
 */
export async function photograph(way, sceneName, random) {
  const { digit, svg, width, height, scene } = drawDigit(way, sceneName, random);
  const { shadow = 0, noise = 0, blur = 0, jpeg } = scene;
  if (shadow === 0 && noise === 0 && blur === 0) {
    return { digit, bytes: await sharp(Buffer.from(svg)).png().toBuffer(), extension: "png" };
  }
  const drawn = sharp(Buffer.from(svg)).flatten();
  const { data: still } = await (blur > 0 ? drawn.blur(blur) : drawn).raw().toBuffer({ resolveWithObject: true });
  const data = moved(still, width, height, scene.moved ?? 0, random);
  const light = lightOf(scene, random);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const { factor, glare } = light(x / width, y / height);
      const grain = glare + noise * (random.uniform() + random.uniform() + random.uniform() - 1.5);
      for (let c = 0; c < 3; c++, i++) data[i] = Math.max(0, Math.min(255, data[i] * factor + grain));
    }
  }
  const seen = sharp(data, { raw: { width, height, channels: 3 } });
  const file = jpeg === undefined ? seen.png() : seen.jpeg({ quality: jpeg });
  return { digit, bytes: await file.toBuffer(), extension: jpeg === undefined ? "png" : "jpg" };
}

/**
 * How light falls on the page, at x and y from 0 to 1. A lamp leaves one side darker, and a shadow falls across along an edge, which is soft unless
 * the scene says so; the folds of crumpled paper have light and dark sides; a shining ground mirrors a lamp.
 */
function lightOf({ shadow = 0, shadowEdge = 14, crumpled = 0, glare = 0 }, random) {
  const [angle, edge] = [2 * Math.PI * random.uniform(), 0.2 + 0.6 * random.uniform()];
  const folds = Array.from({ length: crumpled > 0 ? 12 : 0 }, () => ({
    angle: Math.PI * random.uniform(),
    at: random.uniform() - 0.5,
    depth: crumpled * (random.uniform() - 0.5),
  }));
  const lamp = [random.uniform(), random.uniform()];
  return (x, y) => {
    const across = 0.5 + (x - 0.5) * Math.cos(angle) + (y - 0.5) * Math.sin(angle);
    let factor = 1 - shadow * (0.5 * across + 0.5 / (1 + Math.exp((edge - across) * shadowEdge)));
    for (const fold of folds) {
      const distance = (x - 0.5) * Math.cos(fold.angle) + (y - 0.5) * Math.sin(fold.angle) - fold.at;
      factor *= 1 + fold.depth * Math.sign(distance) * Math.exp(-Math.abs(distance) * 6);
    }
    const fromLamp = Math.hypot(x - lamp[0], y - lamp[1]);
    return { factor, glare: glare * Math.exp(-((fromLamp / 0.15) ** 2)) };
  };
}

/** The mean of what is seen along a short straight way, in parts of the height. */
function moved(data, width, height, by, random) {
  const steps = Math.round(by * height * random.uniform());
  if (steps < 2) return data;
  const angle = 2 * Math.PI * random.uniform();
  const out = Buffer.alloc(data.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++, i++) {
        let sum = 0;
        for (let s = 0; s < steps; s++) {
          const u = Math.max(0, Math.min(width - 1, Math.round(x + s * Math.cos(angle))));
          const v = Math.max(0, Math.min(height - 1, Math.round(y + s * Math.sin(angle))));
          sum += data[(v * width + u) * 3 + c];
        }
        out[i] = sum / steps;
      }
    }
  }
  return out;
}
