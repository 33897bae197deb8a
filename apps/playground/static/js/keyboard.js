// The network by keyboard: one stop of the tab key; arrows go from neuron to neuron; Enter goes into a neuron's incoming
// weights and its bias, up and down go through them, Enter changes one, Escape goes back to the neuron.

import { h } from "./dom.js";
import { targetName } from "./names.js";
import { biasMark, linkMiddle, neuron } from "./placement.js";

// room: holds the neurons ([data-column][data-index]); scene(): {placement, network, value(target)} as it stands now;
// point(target or null): shows a card; edit(target).
export function mountKeyboard(app, room, { scene, point, edit }) {
  const list = h("div", { class: "incoming", role: "group" });
  room.append(list);
  let home = null; // the neuron whose weights are listed

  const nodes = () => [...room.querySelectorAll("[data-column]")];
  const nodeAt = (column, index) => room.querySelector(`[data-column="${column}"][data-index="${index}"]`);

  room.addEventListener("keydown", (event) => {
    const node = event.target.closest("[data-column]");
    const handle = event.target.closest(".link-handle");
    const done = node ? walkNodes(event, node) : handle ? walkWeights(event, handle) : false;
    if (done) event.preventDefault();
  });
  room.addEventListener("focusin", (event) => {
    const node = event.target.closest("[data-column]");
    if (node) rove(node);
    if (!list.contains(event.target) && !event.target.closest(".card")) close();
  });

  function rove(node) {
    for (const other of nodes()) other.tabIndex = other === node ? 0 : -1;
  }

  function walkNodes(event, node) {
    const [column, index] = [Number(node.dataset.column), Number(node.dataset.index)];
    const { placement } = scene();
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) return focus(nodeAt(column, index + step));
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (side) {
      const y = placement.columns[column].nodes[index].y;
      const next = placement.columns[column + side]?.nodes ?? [];
      const distances = next.map((other) => Math.abs(other.y - y));
      return focus(nodeAt(column + side, distances.indexOf(Math.min(...distances))));
    }
    if (event.key === "Enter" && column > 0) return open(column - 1, index, node);
    return false;
  }

  function focus(element) {
    element?.focus();
    return true;
  }

  function open(layer, index, node) {
    const { placement, network } = scene();
    const inputs = layer === 0 ? network.features.length : network.layers[layer - 1];
    const targets = Array.from({ length: inputs }, (_, from) => ({ kind: "weight", layer, to: index, from }));
    targets.push({ kind: "bias", layer, neuron: index });
    home = node;
    list.replaceChildren(
      ...targets.map((target) => {
        const place = target.kind === "bias" ? biasMark(neuron(placement, layer, index)) : linkMiddle(placement, target);
        const handle = h("button", { type: "button", class: "link-handle", tabindex: "-1", "aria-label": label(target) });
        handle.target = target;
        handle.style.left = `${place.x}px`;
        handle.style.top = `${place.y}px`;
        handle.addEventListener("focus", () => {
          handle.setAttribute("aria-label", label(target));
          point(target);
        });
        handle.addEventListener("click", () => edit(target, handle));
        return handle;
      }),
    );
    list.setAttribute("aria-label", app.t("network.incoming", { count: targets.length }));
    return focus(list.firstElementChild);
  }

  function label(target) {
    const { network, value } = scene();
    return `${targetName(app, network, target)}: ${value(target)}`;
  }

  function close() {
    if (!home) return;
    home = null;
    list.replaceChildren();
    point(null);
  }

  function walkWeights(event, handle) {
    const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
    const handles = [...list.children];
    if (step) return focus(handles[(handles.indexOf(handle) + step + handles.length) % handles.length]);
    if (event.key === "Escape") return focus(home);
    return false;
  }

  return {
    close,
    // After the network was built anew: one neuron is in the tab order.
    refresh() {
      close();
      const all = nodes();
      if (all.length && !all.some((node) => node.tabIndex === 0)) rove(all[0]);
      else if (document.activeElement?.dataset?.column === undefined) rove(all[0]);
    },
    // Values have changed: the weight in focus is named anew.
    relabel() {
      const handle = list.contains(document.activeElement) && document.activeElement;
      if (handle) handle.setAttribute("aria-label", label(handle.target));
    },
    // A weight was edited: back to it in the list, or, when it was pointed at, to the network.
    focusTarget(target) {
      const same = [...list.children].find((handle) => JSON.stringify(handle.target) === JSON.stringify(target));
      (same ?? room.parentElement).focus({ preventScroll: true });
    },
  };
}
