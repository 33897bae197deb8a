// The points on the heatmap: training points are circles with a white edge, test points diamonds with a dark one, so that
// neither kind nor class rests on colour alone.

import { toPixels } from "./axes.js";
import { pointColor } from "./thumbnails.js";

const MANY = 450;

function circle(context, x, y, radius) {
  context.moveTo(x + radius, y);
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

function diamond(context, x, y, radius) {
  const reach = radius * 1.25;
  context.moveTo(x, y - reach);
  context.lineTo(x + reach, y);
  context.lineTo(x, y + reach);
  context.lineTo(x - reach, y);
  context.closePath();
}

// context: in px of the field, whose side is given; points: {train, test}.
export function drawPoints(context, points, { side, palette, classes, showTest }) {
  context.clearRect(0, 0, side, side);
  const count = points.train.length + (showTest ? points.test.length : 0);
  const radius = (count > MANY ? 2.6 : 3.6) * Math.min(1.5, side / 320);
  const kinds = [["test", diamond, "point-test"], ["train", circle, "point-train"]];
  for (const [kind, shape, edge] of kinds.slice(showTest ? 0 : 1)) {
    const width = count > MANY ? 0.8 : 1.2;
    const [color, rim] = [palette.token(edge), palette.token("point-test")];
    for (const point of points[kind]) {
      context.beginPath();
      shape(context, ...toPixels(point, side), radius);
      context.lineWidth = width + 1;
      context.globalAlpha = 0.3;
      context.strokeStyle = rim; // a white edge is seen on white, too
      context.stroke();
      context.globalAlpha = 1;
      context.fillStyle = pointColor(palette, classes, point[2]);
      context.fill();
      context.lineWidth = width;
      context.strokeStyle = color;
      context.stroke();
    }
  }
}
