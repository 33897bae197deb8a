// The elements of the network that can be focused: features, neurons, biases, and above each layer its number of neurons.
// Their pictures are drawn beneath them on the canvas (links.js).

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { FEATURE_NAMES, neuronName, targetName } from "./names.js";
import { FEATURES } from "./options.js";
import { biasMark } from "./placement.js";

function put(element, { x, y, size }) {
  element.style.left = `${x - size / 2}px`;
  element.style.top = `${y - size / 2}px`;
  element.style.width = element.style.height = `${size}px`;
  return element;
}

// The seven features, active ones pressed.
export function featureElements(app, placement, active) {
  return placement.columns[0].nodes.map((node, index) => {
    const name = FEATURES[index];
    const button = h(
      "button",
      { type: "button", class: node.size < 28 ? "feature feature--small" : "feature", "data-column": 0, "data-index": index, "aria-pressed": String(active[index]), "data-feature": name, title: app.t(active[index] ? "network.switchOff" : "network.switchOn", { name: FEATURE_NAMES[name] }) },
      h("span", { class: "feature-name" }, FEATURE_NAMES[name]),
    );
    return put(button, node);
  });
}

// A neuron and its bias; values are added to the labels when they get the focus, as they change all the time.
export function neuronElements(app, placement, network) {
  const biasName = (layer, index) => targetName(app, network, { kind: "bias", layer, neuron: index });
  return network.layers.flatMap((count, layer) =>
    placement.columns[layer + 1].nodes.flatMap((node, index) => {
      const mark = biasMark(node);
      const place = { "data-column": layer + 1, "data-index": index };
      const neuron = h("button", { type: "button", class: "neuron", "aria-label": neuronName(app, network, layer, index), ...place });
      if (layer === network.layers.length - 1 && count > 1) neuron.append(classDot(index));
      return [
        put(neuron, node),
        put(h("button", { type: "button", class: "bias", tabindex: "-1", "aria-label": biasName(layer, index), "data-layer": layer, "data-neuron": index }), {
          x: mark.x, y: mark.y, size: Math.max(12, mark.radius * 2 + 9),
        }),
      ];
    }),
  );
}

// Of which class an output tells, by its colour.
function classDot(index) {
  const dot = h("span", { class: "chip-dot" });
  dot.style.setProperty("--dot", `var(--class-${index})`);
  return dot;
}

// "− 4 +" above each hidden layer, the names above features (with their help) and outputs; closer where there is little room.
export function headers(app, placement, network, featuresHelp) {
  const { t, store } = app;
  const shape = network.layers.slice(0, -1);
  const most = store.get("limits").neurons;
  const resize = (layer, by) => app.change({ networkShape: shape.map((count, i) => (i === layer ? count + by : count)) });
  const fixed = store.get("hidden").includes("numHiddenLayers");
  const { spacing } = placement;
  const density = spacing < 54 ? "layer-header layer-header--tight" : spacing < 78 ? "layer-header layer-header--dense" : "layer-header";
  return placement.columns.map(({ x }, column) => {
    const layer = column - 1;
    const header = h("div", { class: density });
    header.style.left = `${x}px`;
    if (column === 0) header.append(h("span", { class: "layer-name" }, t("network.features")), featuresHelp);
    else if (layer === shape.length) header.append(h("span", { class: "layer-name" }, t("network.output")));
    else {
      const label = t("network.neurons", { count: shape[layer] });
      const name = t("name.layer", { layer: layer + 1 });
      header.append(
        h("span", { class: "layer-name" }, name),
        h(
          "div",
          { class: "stepper", role: "group", "aria-label": `${name}: ${label}`, "data-layer": layer },
          fixed ? null : stepButton("minus", t("network.fewer", { name }), shape[layer] <= 1, () => resize(layer, -1)),
          h("output", { title: `${name}: ${label}` }, String(shape[layer])),
          fixed ? null : stepButton("plus", t("network.more", { name }), shape[layer] >= most, () => resize(layer, 1)),
        ),
      );
    }
    return header;
  });
}

export function stepButton(picture, label, disabled, onclick) {
  return h("button", { type: "button", class: "button button--quiet button--icon button--small", "aria-label": label, title: label, disabled, onclick }, icon(picture));
}
