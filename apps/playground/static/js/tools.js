// The tools of the top bar: share, export, language, theme.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";
import { mountExport } from "./exports.js";
import { choosePreference } from "./preferences.js";
import { mountShare } from "./share.js";

const THEMES = ["", "light", "dark"];

export function mount(app) {
  const place = document.getElementById("tools");
  place.append(mountShare(app), mountExport(app), languageButton(app), themeButton(app));
}

// Shows the other language, in that language: who needs it can read it.
function languageButton(app) {
  const { store } = app;
  const other = () => (store.get("lang") === "ko" ? "en" : "ko");
  const choose = () => choosePreference(app, "lang", other());
  const text = h("span", {});
  const switcher = button("quiet", choose, icon("language"), text);
  switcher.classList.add("language");
  store.on("lang", () => {
    text.textContent = { en: "English", ko: "한국어" }[other()];
    switcher.lang = other();
  });
  return switcher;
}

// As the system says, light, dark, and around again.
function themeButton(app) {
  const { store, t } = app;
  const next = () => THEMES[(THEMES.indexOf(store.get("theme")) + 1) % THEMES.length];
  const switcher = button("quiet icon", () => choosePreference(app, "theme", next()));
  store.on(["theme", "dark", "lang"], (theme, dark) => {
    switcher.replaceChildren(icon(dark ? "moon" : "sun"));
    switcher.setAttribute("aria-label", t("theme.label", { theme: t(`theme.${theme || "auto"}`) }));
    switcher.title = switcher.getAttribute("aria-label");
    switcher.classList.toggle("theme-auto", theme === "");
  });
  return switcher;
}
