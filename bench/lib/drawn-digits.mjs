/**
 * Digits as people write them, for pictures that no training has seen: the strokes of 24 ways to write the ten digits, by hand as
 * polylines, each time with other slant, proportions and unsteadiness, drawn with the pens and on the grounds that pictures
 * of handwriting have. Nothing here comes from a data set.
 */

/** Points [x, y] of each stroke in a box of 1 × 1, y downwards; lines between them are rounded (Catmull-Rom) but for `sharp` ways. */
const WAYS = [
  { digit: 0, strokes: [arc(0.5, 0.5, 0.36, 0.48, -90, 270)] },
  { digit: 0, strokes: [arc(0.5, 0.5, 0.28, 0.48, -50, -420)] },
  {
    digit: 1,
    sharp: true,
    strokes: [
      [
        [0.5, 0.02],
        [0.5, 0.98],
      ],
    ],
  },
  {
    digit: 1,
    sharp: true,
    strokes: [
      [
        [0.3, 0.25],
        [0.52, 0.02],
        [0.52, 0.98],
      ],
    ],
  },
  {
    digit: 2,
    strokes: [
      [
        [0.18, 0.25],
        [0.3, 0.06],
        [0.55, 0.02],
        [0.76, 0.14],
        [0.76, 0.36],
        [0.55, 0.62],
        [0.16, 0.97],
      ],
      [
        [0.16, 0.97],
        [0.84, 0.97],
      ],
    ],
  },
  {
    digit: 2,
    strokes: [
      [
        [0.2, 0.2],
        [0.42, 0.03],
        [0.7, 0.1],
        [0.74, 0.36],
        [0.5, 0.7],
        [0.26, 0.92],
        [0.16, 0.82],
        [0.32, 0.78],
        [0.6, 0.94],
        [0.86, 0.88],
      ],
    ],
  },
  {
    digit: 3,
    strokes: [
      [
        [0.22, 0.12],
        [0.45, 0.02],
        [0.72, 0.1],
        [0.74, 0.3],
        [0.45, 0.47],
        [0.74, 0.6],
        [0.78, 0.82],
        [0.5, 0.98],
        [0.2, 0.88],
      ],
    ],
  },
  {
    digit: 3,
    sharp: true,
    strokes: [
      [
        [0.22, 0.04],
        [0.76, 0.04],
        [0.46, 0.4],
      ],
      arc(0.46, 0.69, 0.3, 0.29, -90, 130),
    ],
  },
  {
    digit: 4,
    sharp: true,
    strokes: [
      [
        [0.3, 0.04],
        [0.16, 0.56],
        [0.82, 0.56],
      ],
      [
        [0.64, 0.06],
        [0.6, 0.98],
      ],
    ],
  },
  {
    digit: 4,
    sharp: true,
    strokes: [
      [
        [0.6, 0.98],
        [0.62, 0.03],
        [0.14, 0.66],
        [0.86, 0.66],
      ],
    ],
  },
  {
    digit: 5,
    sharp: true,
    strokes: [
      [
        [0.78, 0.05],
        [0.28, 0.05],
        [0.26, 0.44],
      ],
      arc(0.46, 0.68, 0.3, 0.29, -130, 130),
    ],
  },
  {
    digit: 5,
    strokes: [
      [
        [0.8, 0.06],
        [0.5, 0.05],
        [0.3, 0.08],
        [0.27, 0.42],
        [0.5, 0.36],
        [0.74, 0.5],
        [0.76, 0.76],
        [0.5, 0.97],
        [0.2, 0.9],
      ],
    ],
  },
  {
    digit: 6,
    strokes: [
      [
        [0.68, 0.03],
        [0.42, 0.2],
        [0.26, 0.55],
        [0.28, 0.84],
        [0.5, 0.98],
        [0.74, 0.84],
        [0.72, 0.6],
        [0.5, 0.52],
        [0.3, 0.66],
      ],
    ],
  },
  {
    digit: 6,
    strokes: [
      [
        [0.46, 0.02],
        [0.32, 0.3],
        [0.25, 0.7],
        [0.4, 0.96],
        [0.66, 0.92],
        [0.72, 0.7],
        [0.56, 0.56],
        [0.32, 0.68],
        [0.27, 0.8],
      ],
    ],
  },
  {
    digit: 7,
    sharp: true,
    strokes: [
      [
        [0.18, 0.05],
        [0.8, 0.05],
        [0.42, 0.98],
      ],
    ],
  },
  {
    digit: 7,
    sharp: true,
    strokes: [
      [
        [0.18, 0.06],
        [0.8, 0.04],
        [0.44, 0.98],
      ],
      [
        [0.36, 0.5],
        [0.76, 0.48],
      ],
    ],
  },
  {
    digit: 7,
    strokes: [
      [
        [0.18, 0.14],
        [0.2, 0.05],
        [0.5, 0.07],
        [0.82, 0.04],
        [0.62, 0.4],
        [0.5, 0.7],
        [0.46, 0.98],
      ],
    ],
  },
  {
    digit: 8,
    strokes: [
      [
        [0.74, 0.16],
        [0.5, 0.02],
        [0.26, 0.16],
        [0.34, 0.38],
        [0.64, 0.58],
        [0.76, 0.8],
        [0.5, 0.98],
        [0.24, 0.8],
        [0.36, 0.58],
        [0.66, 0.38],
        [0.74, 0.16],
      ],
    ],
  },
  { digit: 8, strokes: [arc(0.5, 0.25, 0.22, 0.22, 90, 450), arc(0.5, 0.73, 0.27, 0.25, -90, 270)] },
  {
    digit: 9,
    strokes: [
      [
        [0.72, 0.2],
        [0.5, 0.03],
        [0.26, 0.16],
        [0.28, 0.42],
        [0.52, 0.5],
        [0.7, 0.36],
        [0.74, 0.16],
        [0.72, 0.5],
        [0.68, 0.98],
      ],
    ],
  },
  {
    digit: 9,
    strokes: [
      [
        [0.72, 0.22],
        [0.48, 0.03],
        [0.27, 0.22],
        [0.42, 0.48],
        [0.68, 0.38],
        [0.74, 0.14],
        [0.74, 0.6],
        [0.62, 0.92],
        [0.36, 0.96],
        [0.22, 0.86],
      ],
    ],
  },
  {
    digit: 4,
    sharp: true,
    strokes: [
      [
        [0.28, 0.06],
        [0.2, 0.5],
        [0.78, 0.48],
      ],
      [
        [0.72, 0.04],
        [0.7, 0.98],
      ],
    ],
  },
  { digit: 0, strokes: [arc(0.5, 0.5, 0.42, 0.47, -70, 300)] },
  {
    digit: 1,
    sharp: true,
    strokes: [
      [
        [0.34, 0.2],
        [0.5, 0.03],
        [0.5, 0.97],
      ],
      [
        [0.3, 0.97],
        [0.7, 0.97],
      ],
    ],
  },
];

/** Part of an ellipse, degrees clockwise from the right. */
function arc(x, y, rx, ry, from, to) {
  const count = Math.max(6, Math.ceil(Math.abs(to - from) / 30));
  return Array.from({ length: count + 1 }, (_, k) => {
    const angle = ((from + ((to - from) * k) / count) * Math.PI) / 180;
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });
}

/** What photographs have in common. */
const PHOTO = {
  side: [400, 1600],
  pen: [0.03, 0.07],
  ink: ["#1a2a6c", "#222", "#333"],
  paper: "#d9d4c7",
  shadow: 0.3,
  noise: 8,
  blur: 1.3,
  jpeg: 75,
};

/** What the picture is: pen, ground, and what a camera does. Lengths are parts of the digit's height. */
export const SCENES = {
  canvas: {
    about: "a mouse on a web page, 280 × 280",
    side: [280, 280],
    pen: [0.05, 0.1],
    ink: "#000",
    paper: "#fff",
    steps: 9,
  },
  "thin pen": {
    about: "one pixel or two on a large page",
    side: [500, 900],
    pen: [0.008, 0.02],
    ink: "#111",
    paper: "#fff",
  },
  marker: {
    about: "a broad red or green marker",
    side: [200, 600],
    pen: [0.12, 0.17],
    ink: ["#c22", "#161", "#235"],
    paper: "#fdfdf8",
  },
  dark: {
    about: "chalk on a blackboard",
    side: [200, 500],
    pen: [0.04, 0.09],
    ink: "#eee",
    paper: "#1d2b24",
    noise: 10,
    blur: 0.8,
  },
  transparent: {
    about: "a signature pad: ink on nothing",
    side: [200, 400],
    pen: [0.03, 0.07],
    ink: "#124",
    paper: null,
  },
  scan: {
    about: "a scan: grey paper, noise",
    side: [120, 300],
    pen: [0.04, 0.08],
    ink: "#223",
    paper: "#e8e6df",
    noise: 6,
    blur: 0.6,
  },
  photo: {
    about: "a photograph: shadow, noise, blur, JPEG",
    ...PHOTO,
    shadow: 0.45,
    noise: 9,
    blur: 1.5,
    jpeg: 70,
  },
  "squared paper": {
    about: "the same on squared paper",
    side: [400, 1200],
    pen: [0.035, 0.07],
    ink: ["#16246b", "#222"],
    paper: "#e4e2da",
    shadow: 0.3,
    noise: 7,
    blur: 1.2,
    jpeg: 75,
    squares: 0.22,
    lines: "#b7c4d8",
  },
  "ruled paper": {
    about: "the same on ruled paper",
    side: [400, 1200],
    pen: [0.035, 0.07],
    ink: ["#16246b", "#222"],
    paper: "#e4e2da",
    shadow: 0.3,
    noise: 7,
    blur: 1.2,
    jpeg: 75,
    rules: 0.5,
    lines: "#a9bad4",
  },
  pencil: {
    about: "a faint pencil, photographed",
    side: [400, 1000],
    pen: [0.02, 0.04],
    ink: "#777",
    paper: "#d8d6d0",
    shadow: 0.25,
    noise: 6,
    blur: 1,
    jpeg: 80,
  },
  "on a desk": {
    about: "a sheet that does not fill the photograph",
    ...PHOTO,
    desk: ["#5b4030", "#2b2b2e", "#a5825a"],
  },
  "hard shadow": {
    about: "the edge of a hand's or phone's shadow across the page",
    ...PHOTO,
    shadow: 0.6,
    shadowEdge: 150,
  },
  "far away": {
    about: "a digit that is small in its photograph",
    ...PHOTO,
    side: [1200, 2400],
    size: [0.08, 0.2],
  },
  "school paper": {
    about: "dark rules and a red margin",
    ...PHOTO,
    rules: 0.5,
    lines: "#7d93bd",
    margin: "#cf6a6a",
  },
  "dark squares": {
    about: "squares nearly as dark as ink",
    ...PHOTO,
    ink: ["#16246b", "#222"],
    squares: 0.22,
    lines: "#8d99ab",
  },
  "school pencil": {
    about: "a pencil on squared paper, no darker than the squares",
    ...PHOTO,
    pen: [0.025, 0.045],
    ink: ["#666", "#777"],
    squares: 0.25,
    lines: "#8fa3c0",
  },
  whiteboard: {
    about: "a marker on a whiteboard that mirrors a lamp",
    ...PHOTO,
    pen: [0.05, 0.09],
    ink: ["#1b4fa0", "#b3261e", "#222", "#2b7a3a"],
    paper: "#cfd3d6",
    glare: 60,
  },
  "sticky note": {
    about: "a yellow or pink note, photographed up close",
    ...PHOTO,
    ink: ["#2a4fb0", "#b03030", "#333"],
    paper: ["#e8d35a", "#e79ab4", "#9bd08a"],
  },
  moved: {
    about: "a hand that moved while it photographed",
    ...PHOTO,
    moved: 0.05,
  },
  neighbours: {
    about: "other digits cut off at the border",
    ...PHOTO,
    neighbours: true,
  },
  "all at once": {
    about: "a squared sheet on a desk, crumpled, under a hard shadow, by a hand that moved",
    ...PHOTO,
    size: [0.3, 0.6],
    desk: ["#5b4030", "#2b2b2e", "#a5825a", "#3d5a50"],
    squares: 0.3,
    lines: "#a3b2c6",
    shadow: 0.45,
    shadowEdge: 60,
    crumpled: 0.08,
    moved: 0.01,
    noise: 12,
  },
  crumpled: {
    about: "crumpled paper",
    ...PHOTO,
    crumpled: 0.16,
  },
};

/** How many ways to write a digit there are. */
export const WAY_COUNT = WAYS.length;

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
  const page = `${paper}${printed(scene, w, h, size)}${scene.neighbours ? neighbours(w, size, cx, cy, written) : ""}${written.join("")}`;
  const drawing = scene.desk === undefined ? page : onDesk(page, pick(scene.desk), w, h, between, around);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}">${drawing}</svg>`;
  return { digit, svg, width: w, height: h, scene };
}

/** The digit once more at the left and at the right border, most of it outside. */
function neighbours(width, size, cx, cy, written) {
  const [left, right] = [-cx - 0.18 * size, width - cx + 0.18 * size];
  const turned = `rotate(180 ${cx} ${cy})`;
  return `<g transform="translate(${left} 0) ${turned}">${written.join("")}</g><g transform="translate(${right} 0) ${turned}">${written.join("")}</g>`;
}

/** The page a little smaller and turned, on a desk with the grain of wood. */
function onDesk(page, colour, width, height, between, around) {
  const grain = Array.from(
    { length: 24 },
    (_, k) =>
      `<path d="M0 ${((k + between([0, 1])) * height) / 24}h${width}" stroke="#000" stroke-opacity="0.15" stroke-width="${between([0.002, 0.01]) * height}"/>`,
  );
  const scale = between([0.72, 0.92]);
  const move = `translate(${width / 2 + around(0.06 * width)} ${height / 2 + around(0.06 * height)}) rotate(${around(8)}) scale(${scale}) translate(${-width / 2} ${-height / 2})`;
  return `<rect width="100%" height="100%" fill="${colour}"/>${grain.join("")}<clipPath id="sheet"><rect width="${width}" height="${height}"/></clipPath><g transform="${move}"><g clip-path="url(#sheet)">${page}</g></g>`;
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
