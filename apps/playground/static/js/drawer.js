// The drawer below the stage: tabs (backprop by hand, table, about), one open at a time or none. store "drawer" says which.

import { mount as mountAbout } from "./about.js";
import { mount as mountByHand } from "./byhand.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { mount as mountTable } from "./table.js";

const TABS = [
  { name: "byhand", icon: "hand", mount: mountByHand },
  { name: "table", icon: "table", mount: mountTable },
  { name: "about", icon: "info", mount: mountAbout },
];

export function mount(app) {
  const { store, t } = app;
  store.set("drawer", null);
  const tabs = TABS.map(({ name, icon: picture }) => {
    const text = h("span", {});
    const properties = { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, class: "drawer-tab" };
    return { name, text, button: h("button", { ...properties, onclick: () => toggle(name) }, icon(picture), text) };
  });
  const close = h("button", { type: "button", class: "button button--quiet button--icon", onclick: () => toggle(null) }, icon("close"));
  const list = h("div", { role: "tablist", class: "drawer-tablist", onkeydown: walk }, tabs.map(({ button }) => button));
  const panels = TABS.map(({ name }) =>
    h("div", { role: "tabpanel", id: `panel-${name}`, class: "drawer-panel", "aria-labelledby": `tab-${name}`, tabindex: "-1" }),
  );
  const region = document.getElementById("drawer");
  region.append(h("div", { class: "drawer-tabs" }, list, close), ...panels);
  region.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || store.get("drawer") === null) return;
    const open = store.get("drawer");
    toggle(null);
    tabs.find(({ name }) => name === open).button.focus();
  });

  function toggle(name) {
    store.set("drawer", store.get("drawer") === name ? null : name);
  }

  // The arrow keys go through the tabs, as in every list of tabs; Enter or the space bar opens.
  function walk(event) {
    const turn = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!turn) return;
    event.preventDefault();
    const now = tabs.findIndex(({ button }) => button === document.activeElement);
    tabs[(now + turn + tabs.length) % tabs.length].button.focus();
  }

  store.on("lang", () => {
    for (const { name, text } of tabs) text.textContent = t(`drawer.${name}`);
    close.setAttribute("aria-label", t("drawer.close"));
    list.setAttribute("aria-label", t("drawer.tabs"));
  });
  store.on("drawer", (open) => {
    region.dataset.open = open !== null;
    close.hidden = open === null;
    TABS.forEach(({ name }, index) => {
      const chosen = name === open;
      tabs[index].button.setAttribute("aria-selected", String(chosen));
      tabs[index].button.tabIndex = chosen || (open === null && index === 0) ? 0 : -1;
      panels[index].hidden = !chosen;
    });
    store.set("byHand", open === "byhand");
  });
  TABS.forEach(({ mount: mountPanel }, index) => mountPanel(app, panels[index]));
}
