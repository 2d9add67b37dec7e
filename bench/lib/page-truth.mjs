/** Judges what was found on a page of page-camera.mjs by what stands there: numbers found whole, divided, joined or lost, and places where nothing is. */

/** A character is there if this part of its points is dark in the crop. */
const THERE = 0.6;
/** Points of a page that are so near, in its pixels, are one. */
const CELL = 4;

/**
 * @param regions of findNumbers or of a form  @param toPage from the picture to the page
 * @returns { numbers: [{ text, fate, characters, lost, foreign, region }], extra: { words, print, nothing } }
 */
export function judge({ width, labels, words }, regions, toPage) {
  const columns = Math.ceil(width / CELL) + 1;
  const cellOf = (x, y) => Math.floor(y / CELL) * columns + Math.floor(x / CELL);
  const owner = new Map();
  for (const [k, { characters }] of labels.entries()) {
    for (const [c, { points }] of characters.entries()) for (const [x, y] of points) owner.set(cellOf(x, y), [k, c]);
  }
  const inked = regions.filter(({ ink }) => ink !== undefined);
  /** For each place the cells of the page that are dark in its crop. */
  const cells = inked.map(({ crop, toPicture }) => {
    const dark = new Set();
    for (let y = 0, i = 0; y < crop.height; y++) {
      for (let x = 0; x < crop.width; x++, i++) {
        if (crop.data[i] > 140) continue;
        const w = toPicture[6] * (x + 0.5) + toPicture[7] * (y + 0.5) + toPicture[8];
        const at = toPage({
          x: (toPicture[0] * (x + 0.5) + toPicture[1] * (y + 0.5) + toPicture[2]) / w,
          y: (toPicture[3] * (x + 0.5) + toPicture[4] * (y + 0.5) + toPicture[5]) / w,
        });
        dark.add(cellOf(at.x, at.y));
      }
    }
    return dark;
  });
  const counts = cells.map((dark) => {
    const own = new Map();
    let foreign = 0;
    for (const cell of dark) {
      const label = [0, 1, -1, columns, -columns]
        .map((step) => owner.get(cell + step))
        .find((found) => found !== undefined);
      if (label === undefined) foreign++;
      else own.set(label[0], (own.get(label[0]) ?? 0) + 1);
    }
    return { own, foreign, size: dark.size };
  });
  const near = (dark, x, y) => {
    const cell = cellOf(x, y);
    return (
      dark.has(cell) || dark.has(cell + 1) || dark.has(cell - 1) || dark.has(cell + columns) || dark.has(cell - columns)
    );
  };
  const sizes = labels.map(
    ({ characters }) => new Set(characters.flatMap(({ points }) => points.map(([x, y]) => cellOf(x, y)))).size,
  );
  const numbers = labels.map(({ text, characters }, k) => {
    const held = inked.flatMap((_, r) => ((counts[r].own.get(k) ?? 0) > 0.15 * sizes[k] ? [r] : []));
    if (held.length === 0) return { text, fate: "lost", lost: text.length };
    const best = held.reduce((a, b) => ((counts[a].own.get(k) ?? 0) >= (counts[b].own.get(k) ?? 0) ? a : b));
    const others = [...counts[best].own].some(([other, count]) => other !== k && count > 0.2 * sizes[other]);
    const lost = characters.filter(
      ({ points }) => points.filter(([x, y]) => near(cells[best], x, y)).length < THERE * points.length,
    ).length;
    const foreign = counts[best].foreign / Math.max(1, counts[best].size);
    const fate =
      held.length > 1 ? "divided" : others ? "joined" : lost > 0 ? "cut" : foreign > 0.25 ? "dirty" : "whole";
    return { text, fate, lost, foreign, region: inked[best] };
  });
  const taken = new Set(numbers.flatMap(({ region }) => (region === undefined ? [] : [region])));
  const extra = { words: [], print: [], nothing: [] };
  for (const [r, region] of inked.entries()) {
    if (taken.has(region) || [...counts[r].own].some(([k, count]) => count > 0.15 * sizes[k])) continue;
    const quad = region.quad.map((corner) => toPage(corner));
    const [x, y] = [0, 1, 2, 3].reduce(([a, b], k) => [a + quad[k].x / 4, b + quad[k].y / 4], [0, 0]);
    const [left, right] = [Math.min(...quad.map((p) => p.x)), Math.max(...quad.map((p) => p.x))];
    const there = words.filter(
      ({ box }) => box[1] - 6 <= y && y <= box[1] + box[3] + 6 && box[0] < right && box[0] + box[2] > left,
    );
    const said = there.map(({ text }) => text).join(" ");
    const kind = there.length === 0 ? "nothing" : /\d/.test(said) ? "print" : "words";
    extra[kind].push({ said, x: Math.round(x), y: Math.round(y), region });
  }
  return { numbers, extra };
}
