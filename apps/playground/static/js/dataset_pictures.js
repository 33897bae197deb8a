// Small pictures of the data sets, upright (y points up), drawn from their formulas. Pure but for the canvas.

/** Numbers in [0, 1), the same each time: a linear congruential generator is enough for a picture. */
function stream(state) {
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const polar = (radius, angle) => [radius * Math.sin(angle), radius * Math.cos(angle)];
const TURN = 2 * Math.PI;

// name -> (i of n, draw) -> [x, y, label]; draw(low, high) is a uniform number.
const FORMULAS = {
  circle(i, n, draw) {
    const near = i < n / 2;
    return [...polar(near ? draw(0, 2.3) : draw(3.6, 5), draw(0, TURN)), near ? 1 : -1];
  },
  xor(i, n, draw) {
    const [x, y] = [draw(0.4, 5) * (i % 2 ? 1 : -1), draw(0.4, 5) * (i % 4 < 2 ? 1 : -1)];
    return [x, y, x * y >= 0 ? 1 : -1];
  },
  gauss(i, n, draw) {
    const side = i % 2 ? 1 : -1;
    const spread = () => draw(-1.1, 1.1) + draw(-1.1, 1.1);
    return [2.2 * side + spread(), 2.2 * side + spread(), side];
  },
  spiral(i, n) {
    const half = n / 2;
    const along = (i % half) / half;
    return [...polar(5 * along, 1.75 * along * TURN + (i < half ? 0 : Math.PI)), i < half ? 1 : -1];
  },
  moons(i, n, draw) {
    const side = i % 2 ? 1 : -1;
    const [x, y] = polar(draw(2.8, 3.2), draw(-Math.PI / 2, Math.PI / 2));
    return [side * x - 1.5 * side, side * y - 0.75 * side, side];
  },
  rings(i, n, draw) {
    const ring = [0, 1, 1, 2, 2][i % 5];
    return [...polar([0.8, 2.9, 5][ring] + draw(-0.3, 0.3), draw(0, TURN)), ring === 1 ? -1 : 1];
  },
  blobs3(i, n, draw) {
    const [x, y] = polar(3, ((i % 3) * TURN) / 3);
    return [x + draw(-1, 1) + draw(-0.7, 0.7), y + draw(-1, 1) + draw(-0.7, 0.7), i % 3];
  },
  spiral3(i, n) {
    return [...polar(0.3 + (4.7 * i) / n, (i / n + (i % 3) / 3) * TURN), i % 3];
  },
  "reg-plane"(i, n, draw) {
    const [x, y] = [draw(-6, 6), draw(-6, 6)];
    return [x, y, (x + y) / 10];
  },
  "reg-gauss"(i, n, draw) {
    const [x, y] = [draw(-6, 6), draw(-6, 6)];
    const bumps = [-4, 0, 4].flatMap((cx, column) => [2.5, -2.5].map((cy, row) => [Math.hypot(x - cx, y - cy), (column + row) % 2 ? -1 : 1]));
    const [away, sign] = bumps.reduce((best, bump) => (bump[0] < best[0] ? bump : best));
    return [x, y, sign * Math.max(0, 1 - away / 2)];
  },
};

const COUNT = 120;

/** Points of a picture: [[x, y, label], ...], the same at each call. */
export function pictureOf(name) {
  const random = stream(7);
  const draw = (low, high) => low + (high - low) * random();
  return Array.from({ length: COUNT }, (_, i) => FORMULAS[name](i, COUNT, draw));
}

/** Draws points into a square canvas; palette is palette.js's, classes as in the state (0: regression). */
export function paintPoints(canvas, points, classes, palette) {
  const context = canvas.getContext("2d");
  const { width } = canvas;
  const at = (value) => ((value + 6) / 12) * width;
  context.clearRect(0, 0, width, width);
  for (const [x, y, label] of points) {
    context.fillStyle = classes > 2 ? palette.classColor(label) : classes === 2 ? palette.token(label > 0 ? "positive" : "negative") : palette.color(label);
    context.beginPath();
    context.arc(at(x), at(-y), width / 34, 0, TURN);
    context.fill();
  }
}
