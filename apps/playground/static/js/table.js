// The network as tables, one a layer: weights (or gradients, or last updates) with names of rows and columns, for reading
// with a screen reader and for typing exact values. A layer's table is filled when it comes into sight: eight layers of 32
// neurons are 8,000 fields.

import { h } from "./dom.js";
import { parameterLayout } from "./frame.js";
import { show } from "./formula.js";
import { FEATURE_NAMES, neuronName, sourceName } from "./names.js";

const PAUSE = 250; // ms between two refreshes
const [ROW, COLUMN] = [31, 80]; // px, about, of a table that is still to be filled
const VIEWS = ["weights", "gradients", "updates"];

/** What was typed as a number, null for anything else; a comma or a typeset minus sign is taken too. */
export function readValue(text) {
  const value = Number(text.trim().replace("\u2212", "-").replace(",", "."));
  return text.trim() !== "" && Number.isFinite(value) ? value : null;
}

export function mount(app, panel) {
  const { store, t } = app;
  const intro = h("p", { class: "hint" });
  const choice = h("div", { class: "segmented", role: "group" });
  const complaint = h("p", { class: "field-error", role: "alert" });
  const tables = h("div", { class: "table-list" });
  panel.append(h("div", { class: "table-head" }, choice, intro, complaint), tables);
  let cells = []; // {index in the flat parameters, cell, message(value)}
  let size = 0; // parameters of the network
  let timer = 0;
  let pause = PAUSE;
  let built = "";
  const sight = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => isIntersecting && fill(target)), { root: panel, rootMargin: "200px" });
  const unfilled = new Map(); // of a layer's region: what makes its table

  const open = () => store.get("drawer") === "table";

  function build() {
    const network = store.get("network");
    const editable = store.get("view") === "weights";
    const key = JSON.stringify([network, store.get("lang"), editable]);
    if (!network || !open() || key === built) return;
    built = key;
    cells = [];
    sight.disconnect();
    unfilled.clear();
    const layout = parameterLayout(network);
    size = layout.size;
    tables.replaceChildren(...network.layers.map((width, layer) => layerTable(network, layout, layer, width, editable)));
  }

  function fill(region) {
    sight.unobserve(region);
    const make = unfilled.get(region);
    if (!make) return;
    unfilled.delete(region);
    region.replaceChildren(make());
    region.style.height = region.style.width = "";
    refresh();
  }

  function layerTable(network, layout, layer, width, editable) {
    const count = layer === 0 ? network.features.length : network.layers[layer - 1];
    const sources = Array.from({ length: count }, (_, from) => short(network, layer, from));
    const caption = layer === network.layers.length - 1 ? t("table.output") : t("table.layer", { layer: layer + 1 });
    const head = h("tr", {}, h("th", { scope: "col" }, t("table.neuron")), [...sources, t("table.bias")].map((name) => h("th", { scope: "col", class: "number" }, name)));
    const row = (_, to) => {
      const name = neuronName(app, network, layer, to);
      const weights = sources.map((_, from) => {
        const label = t("name.weight", { from: sourceName(app, network, layer, from), to: name });
        return value(layout.weight(layer, to, from), label, editable, (number) => ({ type: "weight", layer, to, from, value: number }));
      });
      const bias = value(layout.bias(layer, to), t("name.bias", { neuron: name }), editable, (number) => ({ type: "bias", layer, neuron: to, value: number }));
      return h("tr", {}, h("th", { scope: "row" }, String(to + 1)), weights, bias);
    };
    const region = h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": caption });
    region.style.height = `${ROW * (width + 2)}px`;
    region.style.width = `${COLUMN * (count + 2)}px`;
    unfilled.set(region, () => {
      const rows = Array.from({ length: width }, row);
      return h("table", { class: "table" }, h("caption", {}, caption), h("thead", {}, head), h("tbody", {}, rows));
    });
    sight.observe(region);
    return region;
  }

  const short = (network, layer, from) => (layer === 0 ? FEATURE_NAMES[network.features[from]] : t("table.from", { neuron: from + 1 }));

  function value(index, label, editable, message) {
    if (!editable) {
      const cell = h("td", { class: "number" });
      cells.push({ index, show: (text, number) => ((cell.textContent = text), colour(cell, number)) });
      return cell;
    }
    const input = h("input", { class: "input table-input number", type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": label });
    const take = () => {
      if (input.value === input.dataset.before) return;
      const number = readValue(input.value);
      complaint.textContent = number === null ? t("table.noNumber", { text: input.value }) : "";
      input.setAttribute("aria-invalid", String(number === null));
      if (number === null) return;
      input.dataset.before = input.value;
      app.send(message(number));
    };
    input.addEventListener("focus", () => (input.dataset.before = input.value));
    input.addEventListener("change", take);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") take();
      if (event.key !== "Escape" || input.value === input.dataset.before) return;
      input.value = input.dataset.before;
      event.preventDefault(); // Escape takes the typing back; the next one closes the drawer
    });
    cells.push({
      index,
      show(text, number) {
        if (document.activeElement === input) return;
        input.value = text;
        input.removeAttribute("aria-invalid");
        colour(input, number);
      },
    });
    return h("td", { class: "number" }, input);
  }

  function colour(node, number) {
    node.classList.toggle("number--negative", number < 0);
    node.classList.toggle("number--positive", number > 0);
  }

  function refresh() {
    const frame = store.get("frame");
    const block = frame?.blocks[store.get("view")];
    if (!block || !open() || frame.generation !== store.get("generation")) return;
    if (size !== block.data.length) return; // of another network, which is about to come
    for (const cell of cells) cell.show(show(block.data[cell.index], 4), block.data[cell.index]);
  }

  store.on(["lang", "view"], (lang, view) => {
    intro.textContent = t(view === "weights" ? "table.intro" : "table.introRead");
    choice.setAttribute("aria-label", t("table.what"));
    choice.replaceChildren(
      ...VIEWS.map((name) => {
        return h("button", { type: "button", "aria-pressed": String(name === view), onclick: () => store.set("view", name) }, t(`table.${name}`));
      }),
    );
  });
  store.on(["network", "lang", "view", "drawer"], build);
  // At most four times a second, and of a very large network no more than a fifth of the time.
  store.on(["frame", "view", "drawer"], () => {
    if (!open()) return;
    timer ||= setTimeout(() => {
      timer = 0;
      const begun = performance.now();
      refresh();
      pause = Math.max(PAUSE, 5 * (performance.now() - begun));
    }, pause);
  });
}
