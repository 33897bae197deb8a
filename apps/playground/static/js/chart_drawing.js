// The drawing of the loss chart on its canvas, in the page's colours, at the screen's own resolution.

import { linearScale, linearTicks, logScale, logTicks, thinLine, tickLabel } from "./scale.js";

const MARGIN = { left: 52, right: 10, top: 8, bottom: 30 };
const FLOOR = 1e-6; // of a logarithmic axis
const SERIES = [
  { column: 1, color: "--train", dash: [], width: 1.75 },
  { column: 2, color: "--test", dash: [5, 3], width: 1.75 },
];

// Scales for this history in a canvas of this size; the range of losses leaves out what is not finite.
export function plotArea({ width, height }, history, logarithmic = false) {
  const lastEpoch = Math.max(10, history.at(-1)?.[0] ?? 0);
  const x = linearScale([history[0]?.[0] ?? 0, lastEpoch], [MARGIN.left, width - MARGIN.right]);
  const pixels = [height - MARGIN.bottom, MARGIN.top];
  const [low, high] = range(history);
  if (!logarithmic) {
    const top = niceTop(high);
    return { x, y: linearScale([0, top], pixels), ticks: linearTicks(0, top, 4) };
  }
  const from = Math.min(niceBelow(Math.max(FLOOR, low)), high / 10);
  return { x, y: logScale([from, high], pixels), ticks: logTicks(from, high, 5) };
}

function range(history) {
  let low = Infinity;
  let high = -Infinity;
  for (const [, train, test] of history) {
    for (const value of [train, test]) {
      if (value === null || !Number.isFinite(value)) continue;
      if (value > high) high = value;
      if (value > 0 && value < low) low = value;
    }
  }
  return [Number.isFinite(low) ? low : 0.1, high > 0 ? high : 1];
}

// The next 1, 2, 5 times a power of ten: an axis that grows by steps does not tremble.
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((n) => n * power).find((n) => n >= value * 0.999);
}

function niceBelow(value) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  return Number(([5, 2, 1].map((n) => n * power).find((n) => n <= value * 1.001) ?? power).toPrecision(3));
}

export function drawChart(canvas, size, history, { logarithmic, read, texts }) {
  const { width, height } = size;
  const ratio = globalThis.devicePixelRatio || 1;
  if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
    canvas.width = width * ratio;
    canvas.height = height * ratio;
  }
  const style = getComputedStyle(canvas);
  const color = (name) => style.getPropertyValue(name);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = `11px ${style.fontFamily}`;
  const { x, y, ticks } = plotArea(size, history, logarithmic);
  drawAxes(pen, size, { x, y, ticks, texts, text: color("--text-2"), line: color("--line"), history });
  pen.save();
  pen.beginPath();
  pen.rect(MARGIN.left, 0, width - MARGIN.left - MARGIN.right + 2, height - MARGIN.bottom + 1);
  pen.clip();
  for (const { column, dash, width, color: name } of SERIES) {
    drawLine(pen, thinLine(history, column, x.at), x, y, { dash, width, color: color(name) });
  }
  pen.restore();
  if (read) drawReading(pen, read, { x, y, size, color });
}

function drawAxes(pen, { width, height }, { x, y, ticks, texts, text, line, history }) {
  pen.fillStyle = text;
  pen.strokeStyle = line;
  pen.lineWidth = 1;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const tick of ticks) {
    const level = Math.round(y.at(tick)) + 0.5;
    stroke(pen, [[MARGIN.left, level], [width - MARGIN.right, level]]);
    pen.fillText(tickLabel(tick), MARGIN.left - 6, level);
  }
  pen.textBaseline = "top";
  pen.textAlign = "center";
  const first = history[0]?.[0] ?? 0;
  const last = Math.max(10, history.at(-1)?.[0] ?? 0);
  for (const tick of linearTicks(first, last, Math.max(2, Math.floor(width / 80)), true)) {
    const place = x.at(tick);
    if (place > width - MARGIN.right - 12) pen.textAlign = "right";
    pen.fillText(tickLabel(tick), Math.min(place, width - 2), height - MARGIN.bottom + 4);
    pen.textAlign = "center";
  }
  pen.fillText(texts.x, (MARGIN.left + width - MARGIN.right) / 2, height - 12);
  if (ticks.some((tick) => pen.measureText(tickLabel(tick)).width > MARGIN.left - 24)) return; // "1e238" needs the room
  pen.save();
  pen.translate(8, (MARGIN.top + height - MARGIN.bottom) / 2);
  pen.rotate(-Math.PI / 2);
  pen.textBaseline = "middle";
  pen.fillText(texts.y, 0, 0);
  pen.restore();
}

function drawLine(pen, points, x, y, { color, dash, width }) {
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.lineJoin = "round";
  pen.setLineDash(dash);
  pen.beginPath();
  let down = false;
  for (const point of points) {
    if (point === null) down = false;
    else {
      pen[down ? "lineTo" : "moveTo"](x.at(point[0]), y.at(point[1]));
      down = true;
    }
  }
  pen.stroke();
  pen.setLineDash([]);
}

function drawReading(pen, row, { x, y, size, color }) {
  const place = Math.round(x.at(row[0])) + 0.5;
  pen.strokeStyle = color("--line-strong");
  stroke(pen, [[place, MARGIN.top], [place, size.height - MARGIN.bottom]]);
  for (const { column, color: name } of SERIES) {
    if (row[column] === null || !Number.isFinite(row[column])) continue;
    pen.beginPath();
    pen.arc(place, y.at(row[column]), 3.5, 0, 2 * Math.PI);
    pen.fillStyle = color(name);
    pen.strokeStyle = color("--surface");
    pen.lineWidth = 1.5;
    pen.fill();
    pen.stroke();
  }
}

function stroke(pen, points) {
  pen.lineWidth = 1;
  pen.beginPath();
  points.forEach(([a, b], index) => pen[index === 0 ? "moveTo" : "lineTo"](a, b));
  pen.stroke();
}
