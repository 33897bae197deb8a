// Above the network: how many hidden layers there are, and what its links show.

import { h } from "./dom.js";
import { helpButton } from "./help.js";
import { stepButton } from "./neurons.js";

const VIEWS = ["weights", "gradients", "updates"];
const NEW_LAYER = 2; // neurons

export function mountDepth(app) {
  const { store, t } = app;
  const room = document.getElementById("depth");
  room.className = "stepper";
  room.setAttribute("role", "group");

  function resize(by) {
    const shape = store.get("settings").networkShape;
    app.change({ networkShape: by > 0 ? [...shape, NEW_LAYER] : shape.slice(0, -1) });
  }

  const fewer = stepButton("minus", "", false, () => resize(-1));
  const more = stepButton("plus", "", false, () => resize(1));
  const count = h("output", {});
  const text = h("span", { class: "depth-text" });
  room.append(fewer, count, more, text);
  room.after(helpButton(app, "networkShape"));
  store.on(["settings", "limits", "lang", "hidden"], ({ networkShape }, { layers }, _, hidden) => {
    count.textContent = String(networkShape.length);
    text.textContent = t(networkShape.length === 1 ? "network.hiddenLayer" : "network.hiddenLayers");
    fewer.disabled = networkShape.length === 0;
    more.disabled = networkShape.length >= layers;
    fewer.hidden = more.hidden = hidden.includes("numHiddenLayers");
    for (const [button, key] of [[fewer, "network.removeLayer"], [more, "network.addLayer"]]) {
      button.title = t(key);
      button.setAttribute("aria-label", t(key));
    }
    room.setAttribute("aria-label", t("network.depth", { count: networkShape.length }));
  });
}

// Weights, gradients or last update on every link: radio buttons, walked through by arrow keys.
export function mountView(app) {
  const { store, t } = app;
  const room = document.getElementById("view");
  room.className = "segmented";
  room.setAttribute("role", "radiogroup");
  const buttons = VIEWS.map((view) =>
    h("button", { type: "button", role: "radio", "data-view": view, onclick: () => store.set("view", view) }),
  );
  room.append(...buttons);
  room.before(helpButton(app, "view"));
  room.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (VIEWS.indexOf(store.get("view")) + step + VIEWS.length) % VIEWS.length;
    store.set("view", VIEWS[next]);
    buttons[next].focus();
  });
  store.on(["view", "lang"], (view) => {
    room.setAttribute("aria-label", t("network.view"));
    buttons.forEach((button, i) => {
      button.textContent = t(`view.${VIEWS[i]}`);
      button.title = t(`view.${VIEWS[i]}.what`);
      button.setAttribute("aria-checked", String(VIEWS[i] === view));
      button.tabIndex = VIEWS[i] === view ? 0 : -1;
    });
  });
}
