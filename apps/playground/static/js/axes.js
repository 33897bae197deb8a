// The axes of the plane, -6 to 6 both ways, in SVG around the heatmap.

import { svg } from "./dom.js";

export const REACH = 6;
const TICKS = [-6, -4, -2, 0, 2, 4, 6];
export const MARGIN = 20; // px: left of the field and below it

// side: of the field in px; fills the SVG element.
export function drawAxes(element, side) {
  element.setAttribute("width", side + MARGIN + 4);
  element.setAttribute("height", side + MARGIN);
  const at = (value) => ((value + REACH) / (2 * REACH)) * side;
  const text = (x, y, anchor, ...content) => svg("text", { x, y, "text-anchor": anchor }, ...content);
  const label = (value) => String(value).replace("-", "−");
  element.replaceChildren(
    ...TICKS.flatMap((value) => [
      svg("line", { x1: MARGIN + at(value), x2: MARGIN + at(value), y1: side, y2: side + 4 }),
      svg("line", { x1: MARGIN - 4, x2: MARGIN, y1: side - at(value), y2: side - at(value) }),
      text(MARGIN + at(value), side + 16, value === 6 ? "end" : "middle", label(value)),
      text(MARGIN - 7, side - at(value) + (value === 6 ? 9 : value === -6 ? 0 : 4), "end", label(value)),
    ]),
    text(MARGIN + at(5), side - 7, "middle", "X₁"),
    text(MARGIN + 12, at(1) + 4, "start", "X₂"),
  );
  element.lastElementChild.previousElementSibling.setAttribute("class", "axis-name");
  element.lastElementChild.setAttribute("class", "axis-name");
}

// Data coordinates to px of a field of this side, and back.
export const toPixels = ([x, y], side) => [((x + REACH) / (2 * REACH)) * side, ((REACH - y) / (2 * REACH)) * side];
export const toData = ([left, top], side) => [(left / side) * 2 * REACH - REACH, REACH - (top / side) * 2 * REACH];
