/** How a speed is taken: steps are counted for some time, after a warm-up. */

/** Runs `step` for `seconds` (at least once) and returns how many ran in one second. A step may return a promise. */
export async function stepsPerSecond(step, seconds) {
  const started = performance.now();
  const end = started + seconds * 1000;
  let steps = 0;
  let now = started;
  do {
    const pending = step();
    if (pending !== undefined) await pending;
    steps++;
    now = performance.now();
  } while (now < end);
  return (steps * 1000) / (now - started);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
