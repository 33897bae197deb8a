// A person's points while they draw: strokes of points by class or value, erasing, undo. Pure; drawing.js handles pointers.

export const MOST_CLASSES = 5;
const APART = 0.3; // between two points of one stroke, in units of the plane
const REACH = 0.45; // of the eraser

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** Labels as brushes: for two classes -1 and 1 are brushes 0 and 1. A regression's labels stay as they are. */
export function toBrushes(points, regression) {
  const two = points.some(([, , label]) => label === -1);
  return points.map(([x, y, label]) => [x, y, regression || !two ? label : label < 0 ? 0 : 1]);
}

/** Brushes as labels: -1 and 1 as long as no third class is there, else 0, 1, 2 ... */
export function toLabels(points, regression) {
  const many = points.some(([, , brush]) => brush > 1);
  return points.map(([x, y, brush]) => [x, y, regression || many ? brush : brush === 0 ? -1 : 1]);
}

/** The list of points with its history. `most` is how many there may be. */
export function createPoints(start = [], most = 5000) {
  let points = start;
  let before = []; // lists before each stroke
  let last = null; // the stroke's last point

  return {
    get points() {
      return points;
    },
    get canUndo() {
      return before.length > 0;
    },
    begin() {
      before = [...before.slice(-99), points];
      last = null;
    },
    /** Adds [x, y, brush] unless it is too near to the stroke's last; false when nothing was added. */
    add(point) {
      if (points.length >= most || (last && distance(last, point) < APART)) return false;
      last = point;
      points = [...points, point];
      return true;
    },
    erase(place) {
      const left = points.filter((point) => distance(point, place) > REACH);
      if (left.length === points.length) return false;
      points = left;
      return true;
    },
    /** Takes back the stroke just begun if it did nothing. */
    end() {
      if (before.at(-1) === points) before = before.slice(0, -1);
    },
    undo() {
      if (before.length === 0) return false;
      points = before.at(-1);
      before = before.slice(0, -1);
      return true;
    },
    clear() {
      if (points.length === 0) return false;
      before = [...before, points];
      points = [];
      return true;
    },
  };
}
