// What the colours of the field mean: a bar from -1 to 1 with a mark at the value under the pointer, or the classes.

import { h } from "./dom.js";

const TICKS = [-1, -0.5, 0, 0.5, 1];

export function mountLegend(app) {
  const { store, t } = app;
  const region = document.getElementById("legend");
  const canvas = h("canvas", { class: "legend-bar", width: 255, height: 1, "aria-hidden": "true" });
  const mark = h("span", { class: "legend-mark", hidden: true });
  const ticks = h("div", { class: "legend-ticks number" }, TICKS.map((tick) => h("span", {}, String(tick).replace("-", "−"))));
  const scale = h("div", { class: "legend-scale" }, h("div", { class: "legend-track" }, canvas, mark), ticks);
  const classes = h("div", { class: "legend-classes" });
  region.append(scale, classes);
  let palette = null;
  let sharp = false; // two colours only

  function refresh() {
    const count = store.get("classes");
    const single = count <= 2 || (store.get("frame")?.shown ?? null) !== null || (store.get("shownFeature") ?? null) !== null;
    scale.hidden = !single;
    classes.hidden = single;
    if (single || !palette) return;
    const entries = Array.from({ length: count }, (_, index) => {
      const dot = h("span", { class: "chip-dot" });
      dot.style.setProperty("--dot", palette.classColor(index));
      return h("span", { class: "legend-class" }, dot, t("legend.class", { class: index + 1 }));
    });
    classes.replaceChildren(...entries);
  }

  function paintBar() {
    const context = canvas.getContext("2d");
    const image = context.createImageData(255, 1);
    new Uint32Array(image.data.buffer).set((sharp ? palette.discrete : palette.table).subarray(1));
    context.putImageData(image, 0, 0);
  }

  store.on(["classes", "frame", "shownFeature", "lang"], refresh);
  return {
    paint(next) {
      palette = next;
      paintBar();
      refresh();
    },
    discrete(on) {
      if (on === sharp) return;
      sharp = on;
      paintBar();
    },
    // value in [-1, 1], or null.
    mark(value) {
      mark.hidden = value === null || !Number.isFinite(value);
      if (!mark.hidden) mark.style.left = `${(value + 1) * 50}%`;
    },
  };
}
