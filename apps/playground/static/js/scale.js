// From numbers to pixels and back, linear and logarithmic; ticks a person would have chosen; and a line of many points
// thinned to what its pixels can show.

// -> {at(value) pixel, back(pixel) value}; from is [low, high] with low < high, to is [first, last] pixel.
export function linearScale([low, high], [first, last]) {
  const slope = (last - first) / (high - low);
  return { at: (value) => first + (value - low) * slope, back: (pixel) => low + (pixel - first) / slope };
}

// Values at or below zero stand where the low end stands.
export function logScale([low, high], to) {
  const inner = linearScale([Math.log10(low), Math.log10(high)], to);
  return { at: (value) => inner.at(Math.log10(Math.max(value, low))), back: (pixel) => 10 ** inner.back(pixel) };
}

// Multiples of 1, 2 or 5 times a power of ten in [low, high], about `count` of them; whole: never less than 1 apart.
export function linearTicks(low, high, count, whole = false) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const far = (n) => Math.abs(Math.log((n * power) / rough));
  const best = [1, 2, 5, 10].reduce((best, n) => (far(n) < far(best) ? n : best));
  const step = whole ? Math.max(1, best * power) : best * power;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

// Powers of ten in [low, high], thinned to about `count`; with 2 and 5 between them where there are fewer than three.
export function logTicks(low, high, count) {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const inside = (value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
  const powers = [];
  for (let e = first; e <= last; e++) powers.push(Number(`1e${e}`));
  const whole = powers.filter(inside);
  if (whole.length < 3) return powers.flatMap((p) => [p, 2 * p, 5 * p]).map((p) => Number(p.toPrecision(3))).filter(inside);
  const every = Math.ceil(whole.length / Math.max(1, count));
  return whole.filter((_, index) => index % every === 0);
}

// A tick's label: 0.05, 1, 1e-5, 20k.
export function tickLabel(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.001 || size >= 1e6) return value.toExponential().replace("e+", "e");
  if (size >= 10000) return `${Number((value / 1000).toPrecision(6))}k`;
  return String(Number(value.toPrecision(6)));
}

// rows[i] = [x, y...]; column k; at(x) a pixel. -> [[x, y], ...]: per pixel the first, the extremes in their order, and the
// last, so that a spike of one epoch is still seen. Values that are not finite break the line: null stands for the gap.
export function thinLine(rows, k, at) {
  const line = [];
  let pixel = null;
  let kept = null;
  const flush = () => {
    if (!kept) return;
    const order = [kept.first, kept.low, kept.high, kept.last].sort((a, b) => a[0] - b[0]);
    order.forEach((point, index) => index > 0 && point[0] === order[index - 1][0] ? null : line.push(point));
    kept = null;
  };
  for (const row of rows) {
    const point = [row[0], row[k]];
    if (point[1] === null || !Number.isFinite(point[1])) {
      flush();
      if (line.length > 0 && line.at(-1) !== null) line.push(null);
      continue;
    }
    const here = Math.round(at(point[0]));
    if (here !== pixel) flush();
    pixel = here;
    if (!kept) kept = { first: point, low: point, high: point, last: point };
    else {
      if (point[1] < kept.low[1]) kept.low = point;
      if (point[1] > kept.high[1]) kept.high = point;
      kept.last = point;
    }
  }
  flush();
  return line;
}

// The index of the row whose x is nearest; rows ascend in x and are not empty.
export function nearestRow(rows, x) {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle][0] < x) low = middle + 1;
    else high = middle;
  }
  return low > 0 && x - rows[low - 1][0] <= rows[low][0] - x ? low - 1 : low;
}
