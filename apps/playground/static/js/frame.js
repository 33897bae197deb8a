// Binary frames: u32 length of the header | header, JSON padded with spaces | blocks, each padded to 4 bytes; all
// little-endian. Blocks become typed arrays that look into the message, without a copy.

const ARRAYS = { u8: Uint8Array, f32: Float32Array };

// -> the header's fields, with blocks = {name: {data, shape}}. Throws a RangeError for a message cut short.
export function decodeFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let offset = 4 + Math.ceil(length / 4) * 4;
  const blocks = {};
  for (const [name, type, shape] of header.blocks) {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const data = new ARRAYS[type](buffer, offset, count);
    blocks[name] = { shape, data };
    offset += Math.ceil(data.byteLength / 4) * 4;
  }
  return { ...header, blocks };
}

// Where parameters stand in the blocks weights, gradients and updates: per layer weight [to][from], then bias [to].
export function parameterLayout({ features, layers }) {
  const starts = [];
  let size = 0;
  let from = features.length;
  for (const to of layers) {
    starts.push({ start: size, from, to });
    size += to * from + to;
    from = to;
  }
  return {
    size,
    weight: (layer, to, fromIndex) => starts[layer].start + to * starts[layer].from + fromIndex,
    bias: (layer, neuron) => starts[layer].start + starts[layer].to * starts[layer].from + neuron,
    // Where the thumbnail of a neuron stands among all of the network's.
    thumbnail: (layer, neuron) => layers.slice(0, layer).reduce((sum, width) => sum + width, 0) + neuron,
  };
}

// u8 -> the value it stands for in [-1, 1]; 0 is NaN.
export const byteValue = (byte) => (byte === 0 ? NaN : (byte - 1) / 127 - 1);
