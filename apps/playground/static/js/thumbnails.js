// Small pictures: the activation of each neuron over the plane (30x30, from the server's frames) and the features' own,
// computed here.

import { paintField, valueByte } from "./palette.js";

export const SIDE = 30;
const REACH = 6; // fields span [-6, 6] both ways

export const FEATURE_VALUES = {
  x: (x) => x,
  y: (x, y) => y,
  xSquared: (x) => x * x,
  ySquared: (x, y) => y * y,
  xTimesY: (x, y) => x * y,
  sinX: (x) => Math.sin(x),
  sinY: (x, y) => Math.sin(y),
};

// A feature over the plane as bytes (side*side), the top row first.
export function featureField(name, side) {
  const value = FEATURE_VALUES[name];
  const at = (i) => ((i + 0.5) / side) * 2 * REACH - REACH;
  return Uint8Array.from({ length: side * side }, (_, i) => valueByte(value(at(i % side), -at(Math.floor(i / side)))));
}

// Many thumbnails in one picture, one under the other, so that all are set at once and drawn one by one.
export function createAtlas() {
  const canvas = document.createElement("canvas");
  canvas.width = SIDE;
  const context = canvas.getContext("2d");
  let image = null;
  return {
    // bytes: (N, 30*30)
    set(bytes, table) {
      const height = bytes.length / SIDE;
      if (!image || image.height !== height) {
        canvas.height = height;
        image = context.createImageData(SIDE, height);
      }
      paintField(new Uint32Array(image.data.buffer), bytes, table);
      context.putImageData(image, 0, 0);
    },
    draw(target, index, left, top, size) {
      if ((index + 1) * SIDE <= canvas.height) target.drawImage(canvas, 0, index * SIDE, SIDE, SIDE, left, top, size, size);
    },
  };
}

// A point's colour: of its value (no classes), of its sign (two), of its class.
export function pointColor(palette, classes, label) {
  if (classes > 2) return palette.pointClassColor(label);
  return palette.pointColor(classes === 0 ? label : label > 0 ? 1 : -1);
}
