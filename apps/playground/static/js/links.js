// How links, the pictures of neurons and the marks of biases are drawn on a canvas; network_picture.js says when.

import { biasMark, linkEnds, neuron } from "./placement.js";

const THINNEST = 0.7; // px
const DASH = [11, 2.5];

// The largest value a link can show (values[at] of the curves): 1, 2 or 5 times a power of ten, so that it changes seldom; it falls only when the
// values have become much smaller. before: the scale shown so far, or null.
export function scaleFor(values, curves, before) {
  let largest = 0;
  for (const { at } of curves) if (Number.isFinite(values[at])) largest = Math.max(largest, Math.abs(values[at]));
  if (largest === 0) return before ?? 1;
  if (before !== null && largest <= before && largest > before * 0.3) return before;
  const power = 10 ** Math.floor(Math.log10(largest));
  return [1, 2, 5, 10].find((step) => step * power >= largest * 0.999999) * power;
}

// The weight or bias of the largest |value|: {at, target}; null where all are 0 or not finite.
export function largestOf(values, curves, network, layout) {
  let [at, most] = [-1, 0];
  values.forEach((value, i) => {
    if (Number.isFinite(value) && Math.abs(value) > most) [at, most] = [i, Math.abs(value)];
  });
  if (at < 0) return null;
  const curve = curves.find((each) => each.at === at);
  if (curve) return { at, target: { kind: "weight", layer: curve.layer, to: curve.to, from: curve.from } };
  const layer = network.layers.findLastIndex((_, i) => layout.bias(i, 0) <= at);
  return { at, target: { kind: "bias", layer, neuron: at - layout.bias(layer, 0) } };
}

// links: all of the network, in the order of the parameters' weights: [{layer, to, from, at}], at = index in values.
export function* linksOf(network, layout) {
  for (let layer = 0; layer < network.layers.length; layer++) {
    const inputs = layer === 0 ? network.features.length : network.layers[layer - 1];
    for (let to = 0; to < network.layers[layer]; to++) {
      for (let from = 0; from < inputs; from++) yield { layer, to, from, at: layout.weight(layer, to, from) };
    }
  }
}

// paths: fresh for each placement; each link's curve is computed once.
export function curvesOf(placement, network, layout) {
  return [...linksOf(network, layout)].map((link) => {
    const { x0, y0, x1, y1 } = linkEnds(placement, link);
    return { ...link, x0, y0, x1, y1, middle: (x0 + x1) / 2 };
  });
}

function trace(path, { x0, y0, x1, y1, middle }) {
  path.moveTo(x0, y0);
  path.bezierCurveTo(middle, y0, middle, y1, x1, y1);
}

// values: of this view (null: not there yet); widest: px of the scale's end; dimmed(curve): drawn faint; phase: of the
// dashes, null = none. Each link is a stroke of its own: one path of many links takes a rasteriser twice as long.
export function drawLinks(context, curves, { values, scale, widest, palette, dimmed, phase }) {
  const colors = { negative: palette.token("negative"), positive: palette.token("positive"), zero: palette.token("line-strong"), bad: palette.token("bad") };
  context.lineDashOffset = phase ?? 0;
  context.setLineDash(phase === null ? [] : DASH);
  for (const curve of curves) {
    const value = values ? values[curve.at] : 0;
    const known = Number.isFinite(value);
    const share = known ? Math.min(1, Math.abs(value) / scale) : 0;
    context.lineWidth = THINNEST + (widest - THINNEST) * share;
    context.globalAlpha = (dimmed?.(curve) ? 0.16 : 1) * (value === 0 || !known ? 1 : 0.15 + 0.85 * Math.sqrt(share));
    context.strokeStyle = known ? colors[value < 0 ? "negative" : value > 0 ? "positive" : "zero"] : colors.bad;
    context.beginPath();
    trace(context, curve);
    context.stroke();
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}

// One link that is pointed at or edited: an accent halo under its own colour.
export function drawEmphasis(context, curve, { value, scale, widest, palette }) {
  const width = THINNEST + (widest - THINNEST) * Math.min(1, Math.abs(value ?? 0) / scale);
  context.beginPath();
  trace(context, curve);
  for (const [color, extra] of [["accent", 5], ["surface", 2.5], [value < 0 ? "negative" : "positive", 0.4]]) {
    context.strokeStyle = palette.token(color);
    context.lineWidth = width + extra;
    context.stroke();
  }
}

// The pictures of features and neurons, clipped to rounded squares in one go, and the marks of the biases.
export function drawNodes(context, placement, { network, atlas, features, palette, values, layout, scale }) {
  const frames = new Path2D();
  for (const { nodes } of placement.columns) {
    for (const { x, y, size } of nodes) frames.roundRect(x - size / 2, y - size / 2, size, size, Math.min(6, size / 5));
  }
  context.save();
  context.clip(frames);
  context.fillStyle = palette.token("field-zero");
  context.fillRect(0, 0, placement.width, placement.height);
  context.imageSmoothingQuality = "high";
  placement.columns[0].nodes.forEach(({ x, y, size }, i) => features.draw(context, i, x - size / 2, y - size / 2, size));
  let index = 0;
  for (const column of placement.columns.slice(1)) {
    for (const { x, y, size } of column.nodes) atlas.draw(context, index++, x - size / 2, y - size / 2, size);
  }
  context.restore();
  network.layers.forEach((count, layer) => {
    for (let i = 0; i < count; i++) {
      const { x, y, radius } = biasMark(neuron(placement, layer, i));
      const value = values ? values[layout.bias(layer, i)] : 0;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.lineWidth = 3;
      context.strokeStyle = palette.token("bg");
      context.stroke();
      context.fillStyle = Number.isFinite(value) ? palette.color(Math.sign(value) * Math.min(1, 0.15 + Math.abs(value) / scale)) : palette.token("bad");
      context.fill();
      context.lineWidth = 1;
      context.strokeStyle = palette.token("control-line");
      context.stroke();
    }
  });
}
