// What both peers know of the page: the features, and where its pixels are.

export const FEATURES = {
  x: (x, y) => x,
  y: (x, y) => y,
  xSquared: (x, y) => x * x,
  ySquared: (x, y) => y * y,
  xTimesY: (x, y) => x * y,
  sinX: (x, y) => Math.sin(x),
  sinY: (x, y) => Math.sin(y),
};

export const SIDE = 100; // pixels
const EDGE = 6;

export function centre(pixel) {
  return EDGE * ((2 * (pixel + 0.5)) / SIDE - 1);
}
