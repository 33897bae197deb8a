// Export: a Python program that trains the same network, its weights as JSON, the data as CSV. The server writes them.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { attachPopover } from "./popover.js";

const WHAT = ["python", "json", "csv"];
const TYPES = { py: "text/x-python", json: "application/json", csv: "text/csv" };

export function mountExport(app) {
  const { store, t, send } = app;
  const text = h("span", {});
  const button = h("button", { class: "button button--quiet export", type: "button" }, icon("export"), text);
  const popover = attachPopover(button, {
    label: () => t("export.title"),
    className: "menu",
    fill: (close) => WHAT.map((what, index) => {
      const ask = () => {
        close(true);
        send({ type: "export", what });
      };
      return h("button", { class: "button button--quiet menu-item", type: "button", autofocus: index === 0, onclick: ask },
        h("strong", {}, t(`export.${what}`)), h("span", { class: "hint" }, t(`export.${what}.hint`)));
    }),
  });
  app.on("file", ({ name, text: content }) => download(name, content));
  store.on("lang", () => {
    text.textContent = t("export.button");
    button.title = t("export.title");
    popover.refresh();
  });
  return button;
}

export function download(name, content) {
  const url = URL.createObjectURL(new Blob([content], { type: TYPES[name.split(".").at(-1)] ?? "text/plain" }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
