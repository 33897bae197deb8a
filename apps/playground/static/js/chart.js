// Losses over epochs: axes with units, linear or logarithmic, both losses read at the epoch under the pointer or the arrow
// keys. What is drawn comes from the server's history, one row an epoch: an edited weight adds none.

import { drawChart, plotArea } from "./chart_drawing.js";
import { h } from "./dom.js";
import { formatCount, formatLoss } from "./numbers.js";
import { nearestRow } from "./scale.js";
import { createVerdict } from "./verdict.js";

export function mount(app) {
  const { store, t } = app;
  const title = h("h3", { class: "section-title" });
  const linear = h("button", { type: "button", onclick: () => store.set("logScale", false) });
  const logarithmic = h("button", { type: "button", onclick: () => store.set("logScale", true) });
  const scale = h("div", { class: "segmented", role: "group" }, linear, logarithmic);
  const canvas = h("canvas", { class: "chart-canvas", role: "img", tabindex: "0" });
  const reading = h("div", { class: "tooltip chart-reading number", hidden: true });
  const place = document.getElementById("chart");
  place.append(
    h("div", { class: "chart-head" }, title, createVerdict(app), scale),
    h("div", { class: "chart-frame" }, canvas, reading),
  );

  let at = null; // the epoch read, or null
  let size = { width: 0, height: 0 };
  store.set("logScale", store.get("logScale") ?? false);

  function draw() {
    if (size.width === 0) return;
    const history = store.get("history");
    const found = at === null || history.length === 0 ? null : history[nearestRow(history, at)];
    const texts = { x: t("chart.epoch"), y: t("chart.loss") };
    drawChart(canvas, size, history, { logarithmic: store.get("logScale"), read: found, texts });
    reading.hidden = !found;
    if (found) showReading(found, plotArea(size, history).x.at(found[0]));
  }

  // Beside the line, on the side that has room.
  function showReading(row, x) {
    const texts = words(row);
    reading.replaceChildren(...["epoch", "train", "test"].map((part) => h("div", {}, t(`chart.reading.${part}`, texts))));
    const beyond = x + 10 + reading.offsetWidth > size.width;
    reading.style.left = `${beyond ? x - 10 - reading.offsetWidth : x + 10}px`;
    reading.style.top = "2px";
  }

  store.on(["lang", "logScale"], (lang, log) => {
    title.textContent = t("chart.title");
    scale.setAttribute("aria-label", t("chart.scale"));
    linear.textContent = t("chart.linear");
    logarithmic.textContent = t("chart.log");
    linear.setAttribute("aria-pressed", String(!log));
    logarithmic.setAttribute("aria-pressed", String(log));
  });
  store.on(["history", "lang", "logScale", "dark"], draw);
  store.on(["running", "lang"], (running) => {
    if (running) return;
    const last = store.get("history").at(-1);
    canvas.setAttribute("aria-label", last ? t("chart.summary", words(last)) : t("chart.empty"));
  });
  new ResizeObserver(([{ contentRect }]) => {
    size = { width: Math.floor(contentRect.width), height: Math.floor(contentRect.height) };
    draw();
  }).observe(canvas.parentElement);

  const read = (epoch) => {
    at = epoch;
    draw();
  };
  canvas.addEventListener("pointermove", ({ offsetX }) => {
    const history = store.get("history");
    if (history.length > 0) read(plotArea(size, history).x.back(offsetX));
  });
  canvas.addEventListener("pointerleave", () => read(null));
  canvas.addEventListener("blur", () => read(null));
  canvas.addEventListener("keydown", (event) => {
    const history = store.get("history");
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
    if (move === undefined || history.length === 0) return;
    event.preventDefault();
    const index = at === null && Number.isFinite(move) ? history.length - 1 : nearestRow(history, at ?? 0) + move;
    const row = history[Math.max(0, Math.min(history.length - 1, index))];
    read(row[0]);
    canvas.setAttribute("aria-label", t("chart.read", words(row)));
  });
}

const words = ([epoch, train, test]) => ({ epoch: formatCount(epoch), train: formatLoss(train), test: formatLoss(test) });
