// Two switches of the output: test points shown, and the field in two colours only.

import { h } from "./dom.js";

export function mountOptions(app) {
  const { store, t } = app;
  const region = document.getElementById("options");
  for (const key of ["showTestData", "discretize"]) {
    const box = h("input", { type: "checkbox", id: key, role: "switch", onchange: () => store.set(key, box.checked) });
    const text = h("span", {});
    const label = h("label", { class: "switch" }, box, text);
    region.append(label);
    store.on(key, (on) => (box.checked = Boolean(on)));
    store.on("lang", () => {
      text.textContent = t(`output.${key}`);
      label.title = t(`output.${key}.what`);
    });
    store.on("hidden", (hidden) => (label.hidden = hidden.includes(key)));
  }
}
