// Dialogs of the page: the list of keys. openDialog makes others; Escape and a click beside one close it, as the browser does.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { SHORTCUTS, addShortcut, keyName } from "./shortcuts.js";

/** Opens a modal dialog of `children` under `title`; focus goes back to where it was when it closes. */
export function openDialog({ t }, title, children) {
  const kind = "button button--quiet button--icon";
  const close = h("button", { type: "button", class: kind, "aria-label": t("dialog.close"), onclick: () => dialog.close() }, icon("close"));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
    h("header", { class: "dialog-head" }, h("h2", { id: "dialog-title" }, title), close),
    h("div", { class: "dialog-body" }, children),
  );
  const opener = document.activeElement;
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    opener?.focus?.();
  });
  document.getElementById("dialogs").append(dialog);
  dialog.showModal();
  return dialog;
}

const FIXED = [
  { keys: ["Tab"], label: "keys.tab" },
  { keys: ["←", "→", "↑", "↓"], label: "keys.arrows" },
  { keys: ["Enter"], label: "keys.enter" },
  { keys: ["Esc"], label: "keys.escape" },
];

function shortcuts(app) {
  const { t } = app;
  const rows = [...SHORTCUTS.map(({ key, label }) => ({ keys: [keyName(key, t)], label })), ...FIXED];
  const list = rows.map(({ keys, label }) => h("div", {}, h("dt", {}, keys.map((key) => h("kbd", { class: "key" }, key))), h("dd", {}, t(label))));
  openDialog(app, t("keys.title"), [h("dl", { class: "keys" }, list)]);
}

export function mount(app) {
  const { store, t } = app;
  addShortcut("?", "keys.help", () => shortcuts(app));
  const button = h("button", { type: "button", class: "button button--quiet button--icon", onclick: () => shortcuts(app) }, icon("keyboard"));
  document.getElementById("tools").append(button);
  store.on("lang", () => {
    button.setAttribute("aria-label", t("keys.title"));
    button.title = `${t("keys.title")} (?)`;
  });
}
