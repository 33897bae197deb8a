// The page's start: the theme, the app, then every view in the order of the page.

import { createApp } from "./app.js";
import { mount as chart } from "./chart.js";
import { mount as coach } from "./coach.js";
import { mount as controls } from "./controls.js";
import { mount as data } from "./data.js";
import { mount as dialogs } from "./dialogs.js";
import { mount as drawer } from "./drawer.js";
import { mount as heatmap } from "./heatmap.js";
import { mountTexts } from "./i18n.js";
import { mount as losses } from "./losses.js";
import { mount as network } from "./network.js";
import { mount as notice } from "./notice.js";
import { mount as progress } from "./progress.js";
import { mount as speed } from "./speed.js";
import { mount as tools } from "./tools.js";
import { mount as transport } from "./transport.js";

const VIEWS = { transport, progress, speed, tools, controls, data, network, heatmap, losses, chart, drawer, coach, dialogs, notice };

const app = createApp();
mountTheme(app.store);
mountTexts(app);
for (const [name, mount] of Object.entries(VIEWS)) {
  try {
    mount(app); // one that fails does not take the others with it
  } catch (error) {
    console.error(name, error);
  }
}
markBody(app.store);
app.start();

// For styles and tests: whether explanations are wanted, how it stands with the server, and the generation that is drawn, once all views have drawn it.
function markBody(store) {
  store.on("hideText", (hidden) => document.body.classList.toggle("without-texts", hidden));
  store.on("connection", (connection) => (document.body.dataset.connection = connection));
  store.on("frame", (frame) => frame && (document.body.dataset.drawn = frame.generation));
}

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
