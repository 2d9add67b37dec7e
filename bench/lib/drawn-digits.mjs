/**
 * Digits as people write them, for pictures that no training has seen: the strokes of 24 ways to write the ten digits, by hand as
 * polylines, each time with other slant, proportions and unsteadiness, drawn with the pens and on the grounds that pictures
 * of handwriting have. Nothing here comes from a data set.
 */
import { WAYS } from "./digit-strokes.mjs";
import { SCENES } from "./scenes.mjs";

/**
 * One digit in one scene.
 * @param random anything with uniform() in [0, 1)
 * @returns {{ digit, svg, scene }}: what is written, its drawing before the camera, and the scene's record
 */
export function drawDigit(way, sceneName, random) {
  const scene = SCENES[sceneName];
  const { digit, strokes, sharp = false } = WAYS[way];
  const between = ([low, high]) => low + (high - low) * random.uniform();
  const around = (size) => (2 * random.uniform() - 1) * size;
  const pick = (value) => (Array.isArray(value) ? value[Math.floor(random.uniform() * value.length)] : value);

  const height = between(scene.side);
  const width = height * between([0.8, 1.25]);
  const size = height * between(scene.size ?? [0.45, 0.75]);
  const [turn, slant, aspect] = [(around(9) * Math.PI) / 180, around(0.18), between([0.62, 0.95])];
  const [cx, cy] = [width / 2 + around(0.1 * width), height / 2 + around(0.1 * height)];
  const place = ([x, y]) => {
    const [u, v] = [(x - 0.5 + around(0.018)) * aspect - slant * (y - 0.5), y - 0.5 + around(0.018)];
    return [
      cx + size * (u * Math.cos(turn) - v * Math.sin(turn)),
      cy + size * (u * Math.sin(turn) + v * Math.cos(turn)),
    ];
  };
  const tremor = 0.004 * size;
  const paths = strokes.map((stroke) => {
    const corners = stroke.map(place);
    const line = sharp && stroke.length < 6 ? bent(corners, scene.steps ?? 14) : rounded(corners, scene.steps ?? 14);
    return line.map(
      ([x, y], i) => `${i === 0 ? "M" : "L"}${(x + around(tremor)).toFixed(1)} ${(y + around(tremor)).toFixed(1)}`,
    );
  });
  const pen = Math.max(1, between(scene.pen) * size);
  const [w, h] = [Math.round(width), Math.round(height)];
  const written = paths.map(
    (d) =>
      `<path d="${d.join("")}" fill="none" stroke="${pick(scene.ink)}" stroke-width="${pen.toFixed(1)}" stroke-linecap="round" stroke-linejoin="round"/>`,
  );
  const paper = scene.paper === null ? "" : `<rect width="100%" height="100%" fill="${pick(scene.paper)}"/>`;
  const page = `${paper}${printed(scene, w, h, size)}${scene.neighbors ? neighbors(w, size, cx, cy, written) : ""}${written.join("")}`;
  const drawing = scene.desk === undefined ? page : onDesk(page, pick(scene.desk), w, h, between, around);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}">${drawing}</svg>`;
  return { digit, svg, width: w, height: h, scene };
}

/** The digit once more at the left and at the right border, most of it outside. */
function neighbors(width, size, cx, cy, written) {
  const [left, right] = [-cx - 0.18 * size, width - cx + 0.18 * size];
  const turned = `rotate(180 ${cx} ${cy})`;
  return `<g transform="translate(${left} 0) ${turned}">${written.join("")}</g><g transform="translate(${right} 0) ${turned}">${written.join("")}</g>`;
}

/** The page a little smaller and turned, on a desk with the grain of wood. */
function onDesk(page, color, width, height, between, around) {
  const grain = Array.from(
    { length: 24 },
    (_, k) =>
      `<path d="M0 ${((k + between([0, 1])) * height) / 24}h${width}" stroke="#000" stroke-opacity="0.15" stroke-width="${between([0.002, 0.01]) * height}"/>`,
  );
  const scale = between([0.72, 0.92]);
  const move = `translate(${width / 2 + around(0.06 * width)} ${height / 2 + around(0.06 * height)}) rotate(${around(8)}) scale(${scale}) translate(${-width / 2} ${-height / 2})`;
  return `<rect width="100%" height="100%" fill="${color}"/>${grain.join("")}<clipPath id="sheet"><rect width="${width}" height="${height}"/></clipPath><g transform="${move}"><g clip-path="url(#sheet)">${page}</g></g>`;
}

/** The lines that paper has. */
function printed({ squares, rules, lines, margin }, width, height, size) {
  const step = (squares ?? rules) * size;
  if (Number.isNaN(step)) return "";
  const thickness = Math.max(1, size / 150);
  const at = (limit) => Array.from({ length: Math.ceil(limit / step) + 1 }, (_, k) => k * step);
  const across = at(height).map((y) => `M0 ${y.toFixed(1)}H${width}`);
  const down = squares === undefined ? [] : at(width).map((x) => `M${x.toFixed(1)} 0V${height}`);
  const red =
    margin === undefined
      ? ""
      : `<path d="M${(0.12 * width).toFixed(1)} 0V${height}" stroke="${margin}" stroke-width="${(1.5 * thickness).toFixed(1)}"/>`;
  return `<path d="${[...across, ...down].join("")}" stroke="${lines}" stroke-width="${thickness.toFixed(1)}"/>${red}`;
}

/** Straight lines through all points, each in `steps` parts. */
function bent(points, steps) {
  return points
    .slice(1)
    .flatMap((to, k) => {
      const from = points[k];
      return Array.from({ length: steps }, (_, i) => mix(from, to, (i + (k === 0 ? 0 : 1)) / steps));
    })
    .concat([points.at(-1)]);
}

/** A Catmull-Rom curve through all points. */
function rounded(points, steps) {
  const at = (k) => points[Math.max(0, Math.min(points.length - 1, k))];
  return points
    .slice(1)
    .flatMap((_, k) =>
      Array.from({ length: steps }, (_, i) => {
        const t = i / steps;
        const weights = [
          -t + 2 * t * t - t ** 3,
          2 - 5 * t * t + 3 * t ** 3,
          t + 4 * t * t - 3 * t ** 3,
          t ** 3 - t * t,
        ];
        return [0, 1].map((axis) => 0.5 * weights.reduce((sum, weight, j) => sum + weight * at(k - 1 + j)[axis], 0));
      }),
    )
    .concat([points.at(-1)]);
}

const mix = (a, b, t) => [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
