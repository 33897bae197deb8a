// A sheet over the output picture: tells where in the plane [-6, 6] x [-6, 6] a pointer is, and shows a mark there.

import { h } from "./dom.js";

export const EDGE = 6;
const snap = (value) => Math.round(value * 100) / 100;
const within = (value) => Math.min(EDGE, Math.max(-EDGE, value));

/** A place of the plane for a pointer event over `element`: [x, y], hundredths. */
export function placeOf(event, element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  const x = within(((event.clientX - left) / width) * 2 * EDGE - EDGE);
  const y = within(EDGE - ((event.clientY - top) / height) * 2 * EDGE);
  return [snap(x), snap(y)];
}

/** Puts `mark` at [x, y] by percentages, so that it stays there when the picture is resized. */
export function moveMark(mark, [x, y]) {
  mark.style.left = `${((x + EDGE) / (2 * EDGE)) * 100}%`;
  mark.style.top = `${((EDGE - y) / (2 * EDGE)) * 100}%`;
}

/** The element of the picture's plane itself, without its axes. */
export const plane = () => document.querySelector("#heatmap [data-plane]") ?? document.querySelector("#heatmap canvas")?.parentElement;

/** A sheet over the plane; `className` says what it is for. It is put there once the picture exists. */
export function createSheet(className, properties = {}) {
  const sheet = h("div", { class: `plot-sheet ${className}`, hidden: true, ...properties });
  return {
    sheet,
    show(visible) {
      if (visible && !sheet.isConnected) plane()?.append(sheet);
      sheet.hidden = !visible;
    },
  };
}
