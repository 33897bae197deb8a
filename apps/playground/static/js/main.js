// The page's start: the theme, the app, then every view in the order of the page.

import { createApp } from "./app.js";
import { mountTexts } from "./i18n.js";

const VIEWS = ["transport", "progress", "speed", "tools", "controls", "data", "network", "heatmap", "losses", "chart", "drawer", "coach", "dialogs", "notice"];

const app = createApp();
mountTheme(app.store);
mountTexts(app);
for (const name of VIEWS) {
  try {
    (await import(`./${name}.js`)).mount(app);
  } catch (error) {
    console.error(name, error);
  }
}
app.start();

// The theme chosen, or the system's as long as nobody has chosen.
function mountTheme(store) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme = store.get("theme") || (dark.matches ? "dark" : "light");
    store.set("dark", document.documentElement.dataset.theme === "dark");
  };
  dark.addEventListener("change", apply);
  store.on("theme", apply);
}
