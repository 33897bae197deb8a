// What this page is, whose idea it is, and how it works.

import { h } from "./dom.js";

const PARTS = ["what", "engine", "original", "privacy"];

export function mount({ store, t }, panel) {
  const compatible = h("p", { class: "hint" });
  const list = h("div", { class: "about" });
  panel.append(list);
  store.on("lang", () => {
    list.replaceChildren(...PARTS.map((part) => h("section", {}, h("h3", {}, t(`about.${part}.title`)), h("p", {}, t(`about.${part}`)))));
    list.children[PARTS.indexOf("original")].append(compatible);
  });
  store.on(["compatible", "lang"], (same) => {
    compatible.textContent = t(same ? "about.compatible" : "about.notCompatible");
  });
}
