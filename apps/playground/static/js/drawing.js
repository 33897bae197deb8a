// Drawing one's own points in the output picture, by pointer or by keyboard. The tools stand in the data column.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { show } from "./formula.js";
import { MOST_CLASSES, createPoints, toBrushes, toLabels } from "./own_points.js";
import { createSheet, moveMark, placeOf } from "./plot_overlay.js";

const PAUSE = 150; // ms between two messages of a stroke
const STRIDE = 0.25; // of the crosshair; with Shift four times, with Alt a hundredth
const EDGE = 6;

/** tools: the element of brushes, eraser, undo and clear; toggle() starts and ends drawing. */
export function createDrawing(app) {
  const { store, t } = app;
  let own = createPoints();
  let brush = 0; // class 0 to 4, or "erase"; for a regression "value" or "erase"
  let brushBefore = 0;
  let place = [0, 0]; // of the crosshair
  let stroke = false;
  let timer = 0;
  let unsent = false;

  const regression = () => store.get("settings").problem === "regression";
  const chips = Array.from({ length: MOST_CLASSES }, (_, index) => brushChip(index, h("span", { class: "chip-dot" }), `${index + 1}`));
  const eraser = brushChip("erase", icon("eraser"), "");
  const value = h("input", { type: "range", class: "slider", min: -1, max: 1, step: 0.1, value: 1, oninput: drawValue });
  const valueText = h("span", { class: "field-value number" });
  const valueName = h("span", { class: "field-label" });
  const valueField = h("label", { class: "field field--row" }, valueName, valueText, value);
  const undo = h("button", { type: "button", class: "button button--small button--icon", onclick: () => own.undo() && send() }, icon("undo"));
  const clear = h("button", { type: "button", class: "button button--small button--icon", onclick: () => own.clear() && send() }, icon("trash"));
  const count = h("span", { class: "hint number" });
  const done = h("button", { type: "button", class: "button button--small button--accent", onclick: () => toggle() });
  const brushes = h("div", { class: "brushes", role: "group" }, chips, eraser);
  const hint = h("p", { class: "hint" });
  const tools = h("div", { class: "draw-tools panel", hidden: true }, brushes, valueField, h("div", { class: "draw-row" }, undo, clear, count, done), hint);

  const mark = h("span", { class: "plot-cross", "aria-hidden": "true" });
  const spoken = h("span", { class: "visually-hidden", role: "status" });
  const { sheet, show: showSheet } = createSheet("plot-sheet--draw", {
    tabindex: "0",
    role: "application",
    onpointerdown: press,
    onpointermove: drag,
    onpointerup: release,
    onpointercancel: release,
    onkeydown: keys,
  });
  sheet.append(mark, spoken);
  move(place);

  function brushChip(name, picture, text) {
    return h("button", { type: "button", class: "chip brush", onclick: () => choose(name) }, picture, text);
  }

  // The eraser pressed again gives back what was there before.
  function choose(name) {
    const again = name === "erase" && brush === "erase";
    if (brush !== "erase") brushBefore = brush;
    brush = again ? brushBefore : name;
    draw();
  }

  function paint(at) {
    const changed = brush === "erase" ? own.erase(at) : own.add([...at, regression() ? Number(value.value) : brush]);
    if (changed) send();
  }

  function press(event) {
    if (event.button !== 0) return;
    sheet.setPointerCapture(event.pointerId);
    stroke = true;
    own.begin();
    move(placeOf(event, sheet));
    paint(place);
  }

  function drag(event) {
    move(placeOf(event, sheet));
    if (stroke) paint(place);
  }

  function release() {
    if (!stroke) return;
    stroke = false;
    own.end();
    draw();
  }

  function move(to) {
    place = to;
    moveMark(mark, place);
  }

  function keys(event) {
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      if (own.undo()) send();
    } else if (event.ctrlKey || event.metaKey) {
      return;
    } else if (event.key.startsWith("Arrow")) {
      step(event);
    } else if (event.key === "Enter" || event.key === " ") {
      once(paint);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      once((at) => own.erase(at) && send());
    } else if (event.key >= "1" && event.key <= String(MOST_CLASSES) && !regression()) {
      choose(Number(event.key) - 1);
    } else if (event.key === "Escape") {
      toggle();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function once(act) {
    own.begin();
    act(place);
    own.end();
    draw();
  }

  function step({ key, shiftKey, altKey }) {
    const stride = STRIDE * (shiftKey ? 4 : altKey ? 0.04 : 1);
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
    const within = (number) => Math.round(Math.min(EDGE, Math.max(-EDGE, number)) * 100) / 100;
    move([within(place[0] + dx * stride), within(place[1] + dy * stride)]);
    spoken.textContent = t("draw.at", { x: show(place[0], 2), y: show(place[1], 2) });
  }

  // The latest points, not more often than PAUSE. None at all can't be trained on: then only the picture is emptied.
  function send() {
    draw();
    unsent = true;
    if (timer) return;
    transmit();
    timer = setTimeout(() => {
      timer = 0;
      if (unsent) transmit();
    }, PAUSE);
  }

  function transmit() {
    unsent = false;
    const points = toLabels(own.points, regression());
    if (points.length > 0) {
      app.send({ type: "points", points });
      return;
    }
    app.send({ type: "run", running: false });
    store.set("own", []);
    store.set("points", { train: [], test: [] });
  }

  /** Starts with the points that are already one's own, else with none. */
  function toggle() {
    const starting = store.get("drawing") === null;
    if (starting) {
      const { problem, dataset, regDataset } = store.get("settings");
      const mine = (problem === "regression" ? regDataset : dataset) === "own" ? (store.get("own") ?? []) : [];
      own = createPoints(toBrushes(mine, regression()), store.get("limits").points);
      brush = brushBefore = regression() ? "value" : 0;
      if (store.get("drawer") === "byhand") store.set("drawer", null); // that also takes clicks in the picture
    }
    store.set("drawing", starting ? { regression: regression() } : null);
  }

  function drawValue() {
    valueText.textContent = show(Number(value.value), 1);
    valueText.className = `field-value number number--${Number(value.value) < 0 ? "negative" : "positive"}`;
    if (brush === "erase") choose("value");
  }

  function draw() {
    const active = store.get("drawing") !== null;
    const many = own.points.some((point) => point[2] > 1);
    tools.hidden = !active;
    hint.textContent = t(regression() ? "draw.hint.value" : "draw.hint");
    showSheet(active);
    chips.forEach((chip, index) => {
      const colour = many || index > 1 ? `var(--class-${index})` : `var(--${index === 0 ? "negative" : "positive"})`;
      chip.hidden = regression();
      chip.style.setProperty("--dot", colour);
      chip.setAttribute("aria-pressed", String(brush === index));
      chip.setAttribute("aria-label", t("draw.class", { class: index + 1 }));
      chip.title = t("draw.class", { class: index + 1 });
    });
    eraser.setAttribute("aria-pressed", String(brush === "erase"));
    valueField.hidden = !regression();
    undo.disabled = !own.canUndo;
    clear.disabled = own.points.length === 0;
    count.textContent = t("draw.count", { count: own.points.length });
  }

  store.on("lang", () => {
    for (const [button, key] of [[eraser, "draw.erase"], [undo, "draw.undo"], [clear, "draw.clear"]]) {
      button.setAttribute("aria-label", t(key));
      button.title = t(key);
    }
    done.textContent = t("draw.done");
    valueName.textContent = t("draw.value");
    brushes.setAttribute("aria-label", t("draw.brushes"));
    sheet.setAttribute("aria-label", t("draw.sheet"));
    drawValue();
    draw();
  });
  store.on("drawing", (active) => {
    draw();
    if (!active) return;
    tools.scrollIntoView({ block: "nearest" });
    sheet.focus({ preventScroll: true });
  });
  // Another problem has labels of another kind: drawing ends.
  store.on("settings", ({ problem }) => {
    const active = store.get("drawing");
    if (active && active.regression !== (problem === "regression")) store.set("drawing", null);
  });
  return { tools, toggle };
}
