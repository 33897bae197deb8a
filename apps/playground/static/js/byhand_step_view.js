// Draws one step of backprop by hand: title, the plain sentence, formulas, the check beside each gradient, the update.

import { titleKey, whyKey } from "./byhand_steps.js";
import { h } from "./dom.js";
import { power, show } from "./formula.js";
import { drawLine, drawRow, drawSymbol, signClass } from "./formula_view.js";

const FEW_ROWS = 12;
const MORE_ROWS = 200; // at a time: 7,500 at once would take seconds
const NUMBERS = new Set(["check.gradient", "check.numeric", "check.difference", "update.now", "update.step", "update.new"]);
const FLAT = 0.1; // an activation's slope below which we speak of saturation

/** "neuron 2 of layer 1" or "the output neuron". */
export function placeName(reply, layer, neuron, t) {
  const isOutput = layer === reply.layers.length - 1;
  if (isOutput && reply.layers[layer].neurons.length === 1) return t("byhand.place.single");
  const params = { layer: layer + 1, neuron: neuron + 1 };
  return t(isOutput ? "byhand.place.output" : "byhand.place", params);
}

export function stepTitle(reply, step, t) {
  return t(titleKey(step), step.neuron === null ? {} : { place: placeName(reply, step.layer, step.neuron, t) });
}

function notes(reply, step, settings, t) {
  const neuron = step.neuron === null ? null : reply.layers[step.layer]?.neurons[step.neuron];
  const { activation } = reply.layers[step.layer] ?? {};
  if (activation === "relu" && neuron?.slope === 0 && step.phase === "backward") return [t("byhand.note.dead")];
  if (step.kind === "delta" || step.kind === "delta.output") {
    if (Math.abs(neuron.slope) < FLAT) return [t("byhand.note.saturated", { slope: show(neuron.slope) })];
  }
  if (step.checks?.some(({ kink }) => kink)) return [t("byhand.note.kink")];
  if (step.kind !== "update") return [];
  const plain = t("byhand.note.one", { batch: settings.batchSize });
  return settings.optimizer === "sgd" ? [plain] : [plain, t("byhand.note.optimizer", { optimizer: t(`optimizer.${settings.optimizer}`) })];
}

const number = (value, digits = 4) => h("td", { class: `number ${signClass(value)}` }, show(value, digits));

/** A table whose later rows come on request; each row is a function that draws it. */
function table(caption, keys, rows, t) {
  const body = h("tbody", {}, rows.slice(0, FEW_ROWS).map((draw) => draw()));
  const head = h("tr", {}, keys.map((key) => h("th", { scope: "col", class: NUMBERS.has(key) ? "number" : null }, t(`byhand.${key}`))));
  const whole = h("table", { class: "table" }, h("caption", { class: "visually-hidden" }, caption), h("thead", {}, head), body);
  if (rows.length <= FEW_ROWS) return h("div", { class: "table-wrap" }, whole);
  let shown = FEW_ROWS;
  const button = h("button", { type: "button", class: "unfold", onclick: unfold });
  const invite = () => (button.textContent = t("byhand.more.rows", { count: Math.min(MORE_ROWS, rows.length - shown) }));
  invite();
  function unfold() {
    body.append(...rows.slice(shown, shown + MORE_ROWS).map((draw) => draw()));
    shown += MORE_ROWS;
    if (shown < rows.length) invite();
    else button.remove();
  }
  return h("div", { class: "table-wrap" }, whole, button);
}

function drawVerdict(agrees, t) {
  const mark = h("span", { "aria-hidden": "true" }, agrees ? "✓" : "≠");
  return h("td", { class: agrees ? "verdict good" : "verdict bad" }, mark, h("span", { class: "visually-hidden" }, t(agrees ? "byhand.check.yes" : "byhand.check.no")));
}

function drawChecks(checks, t) {
  const keys = ["weight", "formula", "numbers", "gradient", "numeric", "difference", "verdict"].map((key) => `check.${key}`);
  const rows = checks.map(({ name, line, exact, numeric, difference, agrees }) => () =>
    h("tr", {},
      h("th", { scope: "row" }, drawSymbol(name)),
      h("td", {}, drawRow(line, "symbols")),
      h("td", {}, drawRow(line, "numbers")),
      number(exact, 6),
      number(numeric, 6),
      h("td", { class: "number" }, difference === 0 ? "0" : power(difference, 0)),
      drawVerdict(agrees, t),
    ),
  );
  return table(t("byhand.check.caption"), keys, rows, t);
}

function drawUpdates(updates, largest, rate, t) {
  const keys = ["check.weight", "update.now", "check.gradient", "update.step", "update.new"];
  const ordered = [...updates].sort((a, b) => Math.abs(b.gradient) - Math.abs(a.gradient));
  const rows = ordered.map(({ name, before, gradient, after }) => () =>
    h("tr", { class: name === largest ? "marked" : null },
      h("th", { scope: "row" }, drawSymbol(name)),
      number(before),
      number(gradient),
      number(-rate * gradient, 5),
      number(after),
    ),
  );
  return table(t("byhand.update.caption", { rate }), keys, rows, t);
}

/** The step as elements. `settings` are the page's, for the notes on batch and optimizer; `action`: elements that do something about it. */
export function drawStep(reply, step, settings, t, action) {
  return [
    h("h3", { tabindex: "-1" }, stepTitle(reply, step, t)),
    h("p", { class: "why" }, t(whyKey(step))),
    h("div", { class: step.kind === "inputs" ? "formulas formulas--row" : "formulas" }, step.lines.map((line) => drawLine(line, t))),
    h("div", { class: "notes" }, action ?? [], notes(reply, step, settings, t).map((text) => h("p", { class: "note" }, text))),
    step.checks ? drawChecks(step.checks, t) : null,
    step.updates ? drawUpdates(step.updates, step.largest, reply.learning_rate, t) : null,
  ].filter(Boolean);
}

/** The engine's own lines, folded away. */
export function drawRaw(reply, t) {
  const part = (title, lines) => [h("h4", {}, title), h("pre", { tabindex: "0" }, lines.join("\n"))];
  const parts = [...part(t("byhand.raw.forward"), reply.forward_text), ...part(t("byhand.raw.backward"), reply.backward_text)];
  return h("details", { class: "raw" }, h("summary", {}, t("byhand.raw")), parts);
}
