// Where everything of the network stands in its column: a pure function of the network's shape and the room there is.

const HEAD = 50; // px: name and number of neurons of a layer, minus and plus
const FOOT = 36; // px: the bar of a layer's mean magnitude
const LABELS = 58; // of the features' names, left of them

// features: which of the seven are active, [bool]; layers: [4, 2, 1]; -> {width, height, columns: [{x, size, nodes: [{x, y,
// size}]}], head, foot, spacing, widest}: widest is the width of the strongest link, px; column 0 holds the seven features, the last the outputs.
export function place({ features, layers, width, height, coarse = false }) {
  const smallest = coarse ? 44 : 14;
  const counts = [features.length, ...layers];
  const widest = Math.max(64, height * 0.094);
  const pitchOf = (count) => Math.min(widest, Math.max(smallest, (height - HEAD - FOOT) / count));
  const featurePitch = pitchOf(features.length);
  const neuronPitch = pitchOf(Math.max(5, ...layers));
  const needed = HEAD + FOOT + Math.max(featurePitch * features.length, neuronPitch * Math.max(...layers));
  const whole = Math.max(height, Math.floor(needed));
  const middle = HEAD + (whole - HEAD - FOOT) / 2;
  const spacing = (width - LABELS - 40 - 44) / (counts.length - 1);
  const sizeOf = (pitch) => Math.round(Math.min(60, pitch * 0.7, spacing * 0.56));
  const left = LABELS + 24;
  const right = width - 44;
  const columns = counts.map((count, index) => {
    const pitch = index === 0 ? featurePitch : neuronPitch;
    const size = sizeOf(pitch);
    const x = Math.round(left + ((right - left) * index) / (counts.length - 1));
    const nodes = Array.from({ length: count }, (_, i) => ({ x, y: Math.round(middle + (i - (count - 1) / 2) * pitch), size }));
    return { x, size, nodes };
  });
  return { width, height: whole, columns, head: HEAD, foot: FOOT, spacing, widest: Math.min(6, Math.max(1.4, neuronPitch * 0.12)), active: features.flatMap((on, i) => (on ? [i] : [])) };
}

// The node a weight comes from: of layer 0 among the ACTIVE features.
export const source = (placement, layer, from) => placement.columns[layer].nodes[layer === 0 ? placement.active[from] : from];
export const neuron = (placement, layer, index) => placement.columns[layer + 1].nodes[index];

export function biasMark(node) {
  const radius = Math.max(2.5, Math.min(4.5, node.size * 0.12));
  return { x: node.x - node.size / 2 - 1, y: node.y + node.size / 2 + 1, radius };
}

// A link's ends; it is a cubic curve, level at both ends, whose middle is the middle between them.
export function linkEnds(placement, { layer, to, from }) {
  const [a, b] = [source(placement, layer, from), neuron(placement, layer, to)];
  return { x0: a.x + a.size / 2 + 2, y0: a.y, x1: b.x - b.size / 2 - 2, y1: b.y };
}

export function linkMiddle(placement, link) {
  const { x0, y0, x1, y1 } = linkEnds(placement, link);
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
}

// The link under a point, or null: at an x all curves of a layer have the same parameter t, which is found by halving.
export function linkAt(placement, network, x, y, reach = 7) {
  const layer = placement.columns.findIndex(({ x: start, size }, i) => {
    const next = placement.columns[i + 1];
    return next && x > start + size / 2 && x < next.x - next.size / 2;
  });
  if (layer < 0) return null;
  const inputs = layer === 0 ? network.features.length : network.layers[layer - 1];
  let [nearest, best] = [reach, null];
  for (let to = 0; to < network.layers[layer]; to++) {
    for (let from = 0; from < inputs; from++) {
      const { x0, y0, x1, y1 } = linkEnds(placement, { layer, to, from });
      const t = parameterAt((x - x0) / (x1 - x0));
      const distance = Math.abs(y0 + (y1 - y0) * t * t * (3 - 2 * t) - y);
      if (distance < nearest) [nearest, best] = [distance, { kind: "weight", layer, to, from }];
    }
  }
  return best;
}

function parameterAt(share) {
  let [low, high] = [0, 1];
  for (let i = 0; i < 16; i++) {
    const t = (low + high) / 2;
    if (t * (1.5 - 1.5 * t + t * t) < share) low = t;
    else high = t;
  }
  return (low + high) / 2;
}
