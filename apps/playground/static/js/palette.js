// Colours of values: negative is orange, zero the neutral of the theme, positive blue, mixed in OKLab so that equal steps
// look equal (Bjorn Ottosson, "A perceptual color space for image processing", 2020). A field's byte is looked up in a
// table of 256: 0 is NaN, 1 to 255 are -1 to 1.

const SHADE = 0.3;

const toLinear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const toGamma = (c) => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);

// "#rrggbb" -> [L, a, b]
function oklab(hex) {
  const [r, g, b] = rgb(hex).map((c) => toLinear(c / 255));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

// [L, a, b] -> [r, g, b], 0 to 255
function fromOklab([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((c) => Math.round(255 * toGamma(Math.min(1, Math.max(0, c)))));
}

const rgb = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
const mix = (from, to, t) => from.map((c, i) => c + (to[i] - c) * t);
const pack = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0; // as ImageData holds it on a little-endian machine

export const valueByte = (value) => (Number.isFinite(value) ? 1 + Math.round((Math.min(1, Math.max(-1, value)) + 1) * 127) : 0);

// The palette of the theme that stands: read again whenever store "dark" changes.
export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(`--${name}`).trim();
  const [negative, zero, positive] = ["field-negative", "field-zero", "field-positive"].map((name) => oklab(token(name)));
  const colors = [rgb(token("field-nan"))];
  for (let byte = 1; byte < 256; byte++) {
    const value = (byte - 1) / 127 - 1;
    colors.push(fromOklab(mix(zero, value < 0 ? negative : positive, Math.abs(value))));
  }
  // A point is seen on a field of its own colour: it stands out by a third of --point-shade.
  const shade = rgb(token("point-shade"));
  const point = (color, strength) => `rgb(${mix(color, shade, SHADE * strength).map(Math.round).join(" ")})`;
  const softened = (name) => rgb(token(name)).map((c, i) => Math.round(c + (rgb(token("field-zero"))[i] - c) * 0.12));
  const classes = [0, 1, 2, 3, 4].map((index) => softened(`class-${index}`));
  return {
    token,
    table: Uint32Array.from(colors, pack),
    discrete: Uint32Array.from(colors, (_, byte) => pack(colors[byte === 0 ? 0 : byte < 128 ? 28 : 228])),
    classes, // [[r, g, b], ...]
    zero: colors[128],
    color: (value) => `rgb(${colors[valueByte(value)].join(" ")})`,
    pointColor: (value) => point(colors[valueByte(value)], Math.min(1, Math.abs(value))),
    pointClassColor: (index) => point(rgb(token(`class-${Math.min(4, Math.max(0, index))}`)), 1),
    classColor: (index) => token(`class-${Math.min(4, Math.max(0, index))}`),
  };
}

// Writes the colours of a field of one output, or one neuron (bytes: H*W), to pixels (Uint32Array of H*W).
export function paintField(pixels, bytes, table) {
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[bytes[i]];
}

// Writes the classes' colours, mixed by their probabilities, to pixels; bytes: (K, H*W) of 2p - 1. Where the network is
// undecided they fade into the neutral, as with two classes. Discrete: the most probable class alone.
export function paintClasses(pixels, bytes, { classes, zero, table }, discrete) {
  const count = pixels.length;
  const kinds = bytes.length / count;
  for (let i = 0; i < count; i++) {
    let [total, best, r, g, b] = [0, 0, 0, 0, 0];
    for (let k = 0; k < kinds; k++) {
      const p = bytes[k * count + i] - 1; // 254 times the probability; -1 is NaN
      if (p < 0) total = NaN;
      if (p > bytes[best * count + i] - 1) best = k;
      total += p;
      r += p * classes[k][0];
      g += p * classes[k][1];
      b += p * classes[k][2];
    }
    if (!(total > 0)) pixels[i] = table[0];
    else if (discrete) pixels[i] = pack(classes[best]);
    else {
      const sure = 0.1 + (0.9 * ((bytes[best * count + i] - 1) / total - 1 / kinds)) / (1 - 1 / kinds);
      pixels[i] = pack(mix(zero, [r / total, g / total, b / total], sure));
    }
  }
}
