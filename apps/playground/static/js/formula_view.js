// Draws formulas (formula.js): symbols above, numbers aligned below, coloured by sign as the links of the network are.

import { h } from "./dom.js";
import { text } from "./formula.js";

/** A symbol with its indices: the upper one (the layer) above the lower one. */
export function drawSymbol(name) {
  if (typeof name === "string") return h("span", { class: "symbol" }, name);
  const { base, below, above } = name;
  const indices = h("span", { class: "indices" }, h("span", {}, above && `(${above})`), h("span", {}, below));
  return h("span", { class: "symbol" }, h("i", {}, base), below || above ? indices : null);
}

export const signClass = (value) => (value < 0 ? "number--negative" : value > 0 ? "number--positive" : "");

function drawCell(cell, t) {
  if (cell.kind === "folded") return drawFolded(cell, t);
  const hidden = { "aria-hidden": "true" };
  if (cell.kind === "operator") {
    const halves = [h("span", { class: "above" }, cell.text), h("span", { class: "below" }, cell.text)];
    return h("span", { class: "cell operator", ...hidden }, halves);
  }
  const sign = cell.kind === "term" ? signClass(cell.value) : "";
  const above = h("span", { class: "above" }, drawSymbol(cell.symbol));
  return h("span", { class: cell.strong ? "cell strong" : "cell", ...hidden }, above, h("span", { class: `below ${sign}` }, cell.number));
}

function drawFolded(cell, t) {
  const unfold = () => button.replaceWith(...cell.cells.map((inner) => drawCell(inner, t)));
  const button = h("button", { type: "button", class: "unfold", onclick: unfold }, t("byhand.more", { count: cell.count }));
  return button;
}

/** One line. It is read out as one text, whole, whatever is folded away. */
export function drawLine(cells, t) {
  const spoken = h("span", { class: "visually-hidden" }, text(cells));
  return h("div", { class: "worked" }, spoken, cells.map((cell) => drawCell(cell, t)));
}

/** A line in one row: its symbols, or its numbers. For tables, where a heading stands above. */
export function drawRow(cells, what) {
  const parts = cells.map((cell) => {
    if (cell.kind === "operator") return h("span", { class: "operator" }, cell.text);
    return what === "symbols" ? drawSymbol(cell.symbol) : h("span", { class: `below ${signClass(cell.value)}` }, cell.number);
  });
  return h("span", { class: "worked-row" }, parts);
}
