// The network in the middle of the page: what is drawn when, and what pointing, clicking and keys do. The pieces: where
// things stand (placement.js), links and pictures (links.js), elements (neurons.js), keys (keyboard.js), card (card.js).

import { createCard } from "./card.js";
import { h } from "./dom.js";
import { show } from "./formula.js";
import { parameterLayout } from "./frame.js";
import { helpButton } from "./help.js";
import { mountKeyboard } from "./keyboard.js";
import { curvesOf, largestOf, scaleFor } from "./links.js";
import { FEATURE_NAMES, neuronName, targetName } from "./names.js";
import { createBars, createLegend, layerMeans } from "./network_foot.js";
import { mountDepth, mountView } from "./network_head.js";
import { createPicture } from "./network_picture.js";
import { featureElements, headers, neuronElements } from "./neurons.js";
import { FEATURES, classesOf } from "./options.js";
import { biasMark, linkAt, linkMiddle, neuron, place } from "./placement.js";

export function mount(app) {
  const { store } = app;
  const region = document.getElementById("network");
  const heads = h("div", { class: "layer-headers" });
  const neurons = h("div", { class: "neurons" });
  const chips = h("div", { class: "neuron-values", "aria-hidden": "true" });
  const features = document.getElementById("features");
  const room = h("div", { class: "network-room" }, heads);
  room.append(features, neurons, chips);
  region.append(room);
  const foot = h("div", { class: "network-foot" });
  region.after(foot);

  const featuresHelp = helpButton(app, "features");
  const coarse = matchMedia("(pointer: coarse)");
  const picture = createPicture(room, seen);
  const bars = createBars(room);
  const legend = createLegend(app, foot, { point, edit: (target, button) => (edit(target), (opener = button)) });
  const card = createCard(app, { room, apply, closed });
  const keyboard = mountKeyboard(app, room, { scene: () => ({ ...scene, value: (target) => show(valuesOf(target).value, 3) }), point, edit });
  let built = ""; // what the structure was made from
  let asking = false; // for gradients, because of the card
  let generation = null; // of the values the scales were made for
  let scene = null; // {network, layout, placement, curves}
  let [hovered, focused] = [null, null]; // [column, index] of a neuron or feature
  let opener = null; // the button outside the network that opened the card
  const scales = { weights: null, gradients: null, updates: null };

  mountView(app);
  mountDepth(app);

  // Structure: only when the network, the room or the language changes; other weights of the same network are a refresh.
  function build() {
    if (region.clientWidth === 0) return;
    const network = store.get("network") ?? planned(store.get("settings"), store.get("classes"));
    const now = JSON.stringify([network, region.clientWidth, region.clientHeight, devicePixelRatio, store.get("lang"), store.get("limits"), store.get("hidden")]);
    if (now === built) return;
    built = now;
    const active = FEATURES.map((name) => network.features.includes(name));
    const placement = place({ features: active, layers: network.layers, width: region.clientWidth, height: region.clientHeight, coarse: coarse.matches });
    const layout = parameterLayout(network);
    scene = { network, layout, placement, curves: curvesOf(placement, network, layout) };
    const focus = describe(document.activeElement);
    heads.replaceChildren(...headers(app, placement, network, featuresHelp));
    features.replaceChildren(...featureElements(app, placement, active));
    neurons.replaceChildren(...neuronElements(app, placement, network));
    bars.place(placement);
    room.style.height = `${placement.height}px`;
    picture.place(scene);
    card.hide();
    hovered = focused = null;
    if (focus) room.querySelector(focus)?.focus();
    keyboard.refresh();
    refresh();
    const lit = store.get("spotlight");
    showSpotlight(lit && Object.keys(lit.values).every((key) => isThere(network, ...key.split(":").map(Number))) ? lit : null);
  }

  const isThere = ({ features, layers }, layer, index) => index < (layer < 0 ? features.length : (layers[layer] ?? 0));

  // Where the focus stood, so that it is there again after a layer grew or a feature came in.
  function describe(element) {
    if (!element || !room.contains(element)) return null;
    if (element.dataset.column) return `[data-column="${element.dataset.column}"][data-index="${element.dataset.index}"]`;
    const stepper = element.closest(".stepper");
    return stepper && `[data-layer="${stepper.dataset.layer}"] button:nth-of-type(${element.matches(":first-child") ? 1 : 2})`;
  }

  // The frame belongs to this network; null as long as none has come.
  function block(name) {
    const frame = store.get("frame");
    const found = frame?.generation === store.get("generation") ? frame.blocks[name]?.data : null;
    return found && scene && (name === "thumbnails" || found.length === scene.layout.size) ? found : null;
  }

  function valuesOf(target) {
    const at = target.kind === "bias" ? scene.layout.bias(target.layer, target.neuron) : scene.layout.weight(target.layer, target.to, target.from);
    const [value, gradient, update] = ["weights", "gradients", "updates"].map((name) => block(name)?.[at]);
    return { value, gradient, update };
  }

  // Values: with every frame.
  function refresh() {
    if (!scene) return;
    const view = store.get("view");
    const values = block(view);
    if (values && generation !== store.get("generation")) {
      generation = store.get("generation");
      for (const name of Object.keys(scales)) scales[name] = null;
    }
    if (values) scales[view] = Math.max(view === "weights" ? 1 : 0, scaleFor(values, scene.curves, scales[view]));
    const means = values && layerMeans(values, scene.network, scene.layout);
    const most = values && view !== "weights" ? largestOf(values, scene.curves, scene.network, scene.layout) : null;
    legend.update(view, scales[view] ?? 1, means, most && { target: most.target, value: values[most.at] });
    bars.update(means);
    const thumbnails = block("thumbnails");
    if (thumbnails) picture.setThumbnails(thumbnails);
    if (card.target) card.update(valuesOf(card.target));
    keyboard.relabel();
    picture.request();
  }

  // What the picture shows now.
  function seen() {
    const view = store.get("view");
    const target = card.target;
    const same = ({ layer, to, from }) => layer === target.layer && to === target.to && from === target.from;
    const curve = target?.kind === "weight" ? scene.curves.find(same) : null;
    return { values: block(view), scale: scales[view] ?? 1, running: store.get("running"), dimmed: dimming(), pointed: curve };
  }

  // Links that have nothing to do with the neuron pointed at, or with the step by hand, are drawn faint.
  function dimming() {
    const spotlight = store.get("spotlight");
    if (spotlight?.links.length) {
      const bright = new Set(spotlight.links.map((link) => link.join()));
      return ({ layer, to, from }) => !bright.has(`${layer},${to},${from}`);
    }
    const node = hovered ?? focused;
    if (!node) return null;
    const [column, index] = column0(node);
    return ({ layer, to, from }) => !((layer === column - 1 && to === index) || (layer === column && from === index));
  }

  // A feature's index among the active ones, as links count them.
  function column0([column, index]) {
    return column === 0 ? [0, scene.placement.active.indexOf(index)] : [column, index];
  }

  function showNode() {
    const node = hovered ?? focused;
    const shown = node && node[0] > 0 ? [node[0] - 1, node[1]] : null;
    if (String(shown) !== String(store.get("shown"))) store.set("shown", shown);
    store.set("shownFeature", node && node[0] === 0 ? node[1] : null);
    picture.request({ atOnce: true });
  }

  // A weight in the list of the keyboard stands for its neuron.
  const nodeOf = (element) => {
    const target = element?.target;
    if (target) return [target.layer + 1, target.kind === "bias" ? target.neuron : target.to];
    const node = element?.closest?.("[data-column]");
    return node ? [Number(node.dataset.column), Number(node.dataset.index)] : null;
  };

  function placeOf(target) {
    return target.kind === "bias" ? biasMark(neuron(scene.placement, target.layer, target.neuron)) : linkMiddle(scene.placement, target);
  }

  // The card of a weight or bias; its gradient and last update are asked for while it stands.
  function point(target, at = target && placeOf(target)) {
    if (card.editing || JSON.stringify(target) === JSON.stringify(card.target)) return;
    if (target) {
      card.show(target, at, targetName(app, scene.network, target));
      card.update(valuesOf(target));
    } else card.hide();
    pointed();
  }

  // The card has come or gone.
  function pointed() {
    const wanted = card.target !== null;
    if (wanted !== asking && store.get("view") === "weights") app.send({ type: "view", gradients: wanted });
    asking = wanted;
    room.classList.toggle("network-room--pointing", card.target?.kind === "weight");
    room.querySelector(".bias--pointed")?.classList.remove("bias--pointed");
    if (card.target?.kind === "bias") neurons.querySelector(`[data-layer="${card.target.layer}"][data-neuron="${card.target.neuron}"]`)?.classList.add("bias--pointed");
    picture.request({ atOnce: true });
  }

  function edit(target, at) {
    opener = null;
    if (card.editing) card.hide();
    point(target, at instanceof Element ? undefined : at);
    store.set("selected", target);
    card.edit(valuesOf(target).value);
  }

  function closed(target) {
    store.set("selected", null);
    pointed();
    if (opener) opener.focus();
    else keyboard.focusTarget(target);
  }

  function apply(target, value) {
    if (target.kind === "bias") app.send({ type: "bias", layer: target.layer, neuron: target.neuron, value });
    else app.send({ type: "weight", layer: target.layer, to: target.to, from: target.from, value });
  }

  // Where the pointer is, and the weight or bias under it.
  function underPointer(event) {
    if (event.target.closest(".card")) return card.target && { target: card.target };
    const bias = event.target.closest(".bias");
    if (bias) return { target: { kind: "bias", layer: Number(bias.dataset.layer), neuron: Number(bias.dataset.neuron) } };
    if (event.target !== room && !event.target.matches("canvas")) return null;
    const box = room.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const target = scene && linkAt(scene.placement, scene.network, x, y, coarse.matches ? 16 : 7);
    return target && { target, at: { x, y } };
  }

  room.addEventListener("pointermove", (event) => {
    if (card.editing || document.activeElement?.matches(".link-handle")) return;
    const found = underPointer(event);
    if (found) point(found.target, found.at);
    else if (!event.target.closest(".card")) point(null);
  });
  room.addEventListener("pointerleave", () => {
    if (!card.editing && !document.activeElement?.matches(".link-handle")) point(null);
  });
  room.addEventListener("click", (event) => {
    const feature = event.target.closest("[data-feature]");
    if (feature) toggle(feature.dataset.feature);
    else if (!event.target.closest(".card, .link-handle")) {
      const found = underPointer(event);
      if (card.editing) leave();
      if (found) edit(found.target, found.at);
    }
  });
  for (const type of ["pointerover", "pointerout"]) {
    room.addEventListener(type, (event) => {
      hovered = type === "pointerover" ? nodeOf(event.target) : nodeOf(event.relatedTarget);
      showNode();
    });
  }
  room.addEventListener("focusin", (event) => {
    focused = nodeOf(event.target);
    if (focused && focused[0] > 0 && !event.target.target) event.target.setAttribute("aria-label", describeNeuron(focused));
    showNode();
  });
  room.addEventListener("focusout", () => {
    focused = null;
    showNode();
    setTimeout(() => {
      if (!room.contains(document.activeElement)) leave(); // known only after the focus has moved
    });
  });

  function leave() {
    keyboard.close();
    if (!card.target) return;
    card.hide();
    store.set("selected", null);
    pointed();
  }

  function describeNeuron([column, index]) {
    const name = neuronName(app, scene.network, column - 1, index);
    const bias = valuesOf({ kind: "bias", layer: column - 1, neuron: index }).value;
    return `${name}; ${app.t("card.bias")} ${show(bias, 3)}; ${app.t("network.enter")}`;
  }

  function toggle(name) {
    const { features: active } = scene.network;
    if (active.length === 1 && active[0] === name) app.notify({ kind: "info", key: "network.lastFeature", params: { name: FEATURE_NAMES[name] } });
    else app.change({ [name]: !active.includes(name) });
  }

  function showSpotlight(spotlight) {
    if (!scene) return;
    for (const element of room.querySelectorAll(".neuron--spotlight")) element.classList.remove("neuron--spotlight");
    chips.replaceChildren();
    if (!spotlight) return picture.request({ atOnce: true });
    const lit = room.querySelector(`[data-column="${spotlight.layer + 1}"][data-index="${spotlight.neuron}"]`);
    lit?.classList.add("neuron--spotlight");
    lit?.scrollIntoView({ block: "nearest" }); // where the network is higher than its room
    for (const [key, value] of Object.entries(spotlight.values)) {
      const [layer, index] = key.split(":").map(Number);
      const node = layer < 0 ? scene.placement.columns[0].nodes[scene.placement.active[index]] : neuron(scene.placement, layer, index);
      if (!node) continue;
      const chip = h("span", { class: `neuron-value number ${value < 0 ? "number--negative" : "number--positive"}` }, show(value, 2));
      const last = layer === scene.network.layers.length - 1; // no room beside it
      chip.style.left = `${last ? node.x - node.size / 2 : node.x + node.size / 2 + 4}px`;
      chip.style.top = `${last ? node.y - node.size / 2 - 20 : node.y - 8}px`;
      chips.append(chip);
    }
    picture.request({ atOnce: true });
  }

  store.on("dark", () => {
    picture.setTheme();
    refresh();
  });
  store.on(["network", "lang", "limits", "hidden"], build);
  store.on(["frame", "view", "running", "network"], refresh);
  store.on("spotlight", showSpotlight);
  new ResizeObserver(build).observe(region);
}

// The network that the settings describe, until the server has told of the real one.
function planned(settings, classes) {
  const outputs = settings.loss === "cross_entropy" ? Math.max(2, classesOf(settings), classes) : 1;
  return { features: FEATURES.filter((name) => settings[name]), layers: [...settings.networkShape, outputs] };
}
