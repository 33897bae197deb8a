// Below the network: what width and colour of the links mean, and per layer a bar of the mean magnitude on a logarithmic
// scale, where a gradient that vanishes on its way back is seen at once. Of gradients and updates, the largest can be found.

import { h, svg } from "./dom.js";
import { show } from "./formula.js";
import { formatCount } from "./numbers.js";

const DECADES = 8; // from 1e-7 to 10
const FAR_APART = 300; // times: the first layer's gradients and the last's, from which we speak of vanishing

// Mean |value| over the weights of each layer. -> [number, ...]
export function layerMeans(values, network, layout) {
  return network.layers.map((count, layer) => {
    const [start, end] = [layout.weight(layer, 0, 0), layout.bias(layer, 0)];
    let sum = 0;
    for (let i = start; i < end; i++) sum += Math.abs(values[i]);
    return sum / (end - start);
  });
}

// "1e-5", "0.3": of little width.
const short = (value) => (value >= 0.1 || value === 0 ? value.toPrecision(1) : value.toExponential(0)).replace("-", "−");
// Gradients that vanish towards the input, or explode: {key, times: a power of ten}, or null.
export function faded(means) {
  const ratio = means.at(-1) / means[0];
  if (!(ratio > FAR_APART) && !(ratio < 1 / FAR_APART)) return null;
  const times = 10 ** Math.round(Math.abs(Math.log10(ratio)));
  return { key: ratio > 1 ? "legend.vanishing" : "legend.exploding", times };
}

const share = (value) => (value > 0 ? Math.min(1, Math.max(0.015, (Math.log10(value) + DECADES - 1) / DECADES)) : 0);

export function createBars(room) {
  const bars = [];
  let narrow = false;
  return {
    // One bar below each layer's column.
    place(placement) {
      for (const { element } of bars.splice(0)) element.remove();
      const width = Math.min(60, placement.spacing - 8);
      narrow = width < 52;
      for (const { x } of placement.columns.slice(1)) {
        const fill = h("span", { class: "layer-bar-fill" });
        const number = h("span", { class: "layer-bar-number number" });
        const element = h("div", { class: "layer-bar" }, h("span", { class: "layer-bar-track" }, fill), number);
        element.style.width = `${width}px`;
        element.style.left = `${x}px`;
        element.style.top = `${placement.height - placement.foot + 6}px`;
        bars.push({ element, fill, number });
        room.append(element);
      }
    },
    update(means) {
      bars.forEach(({ fill, number }, i) => {
        fill.style.transform = `scaleX(${share(means?.[i] ?? 0)})`;
        number.textContent = means ? (narrow ? short(means[i]) : show(means[i], 3)) : "";
      });
    },
  };
}

// The end of a link's scale: "0.02", "2·10⁻⁵".
const end = (scale) => show(scale, scale < 1e-3 ? 0 : Math.max(0, Math.ceil(-Math.log10(scale) - 1e-9)));

// point(target or null) shows a weight's or bias's card, edit(target, button) opens it: here of the largest value.
export function createLegend(app, room, { point, edit }) {
  const [low, high] = [h("span", { class: "number" }), h("span", { class: "number" })];
  const text = h("span", { class: "link-legend-text" });
  const wedge = svg("svg", { class: "link-wedge", viewBox: "0 0 96 10", "aria-hidden": "true" },
    svg("path", { class: "negative", d: "M0 1 47 4.6 47 5.4 0 9Z" }), svg("path", { class: "positive", d: "M96 1 49 4.6 49 5.4 96 9Z" }));
  const bars = h("span", { class: "link-legend-bars" });
  const hint = h("span", { class: "link-hint" });
  const largest = h("button", { class: "link-largest number", type: "button", hidden: true });
  let target = null; // of the largest value
  for (const event of ["pointerenter", "focus"]) largest.addEventListener(event, () => point(target));
  for (const event of ["pointerleave", "blur"]) largest.addEventListener(event, () => point(null));
  largest.addEventListener("click", () => edit(target, largest));
  room.append(h("div", { class: "link-legend" }, text, low, wedge, high), hint, largest, bars);
  return {
    // means: of the layers, or null; most: {target, value} of the largest gradient or update, or null.
    update(view, scale, means, most) {
      low.textContent = `−${end(scale)}`;
      high.textContent = `+${end(scale)}`;
      target = most?.target ?? null;
      largest.hidden = !most;
      hint.hidden = view === "gradients" || Boolean(most);
      hint.textContent = app.t(view === "weights" ? "legend.hint" : "legend.noUpdate");
      if (most) largest.textContent = app.t("legend.largest", { value: show(most.value, 4) });
      largest.title = app.t("legend.largest.what");
      text.textContent = app.t(`legend.${view}`);
      const fault = view === "gradients" && means ? faded(means) : null;
      const times = fault && Number.isFinite(fault.times) ? formatCount(fault.times) : "∞";
      bars.textContent = fault ? app.t(fault.key, { times }) : app.t(`legend.bars.${view}`);
      bars.title = bars.textContent;
      bars.classList.toggle("link-legend-bars--fault", fault !== null);
    },
  };
}
